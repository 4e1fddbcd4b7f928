"""The walk: every route and every scoped function, as people whose business a street is not."""
