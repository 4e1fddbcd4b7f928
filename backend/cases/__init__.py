"""The life of a case (诉求): intake, workflow, deadlines, surveys. Knows nothing of WeChat."""
