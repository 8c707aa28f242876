"""What README's figures come from: the real program before real files and servers, measured from outside."""
