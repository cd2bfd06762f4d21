"""From a plan to its parts on their device, and their objective."""
