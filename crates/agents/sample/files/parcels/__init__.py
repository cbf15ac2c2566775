"""The price of sending a parcel."""
