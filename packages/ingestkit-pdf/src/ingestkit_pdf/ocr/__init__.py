"""Pictures of text into lines of text: engines behind one protocol, and what stands around them."""
