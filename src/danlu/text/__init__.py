"""Text as tokens: render messages to ids with a loss mask, pack samples into batches, collate them; knows no stage."""
