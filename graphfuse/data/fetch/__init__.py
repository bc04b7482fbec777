"""Files of cohorts and networks: downloaded, verified, unpacked and cached."""
