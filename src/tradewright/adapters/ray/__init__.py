"""Ray: jobs on other machines, or in an embedded cluster of this one."""
