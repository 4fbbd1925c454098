"""What goes on paper for a parcel: the list to pick it by, and a label for each box."""
