"""The page with the phones, and the web view in which each phone opens pages."""
