"""The kill switch of an account: requests that need no network, who carries them out, and the way back."""
