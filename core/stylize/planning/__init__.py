"""From run settings to a plan: parts chosen, settings validated, plugins asked. Without torch."""
