"""Areas, units, officers and their posts, residents, QR codes; and who may see what of them."""
