"""From lines to elements: what is hidden, what is furniture, what is a heading, and the text in order. Pure."""
