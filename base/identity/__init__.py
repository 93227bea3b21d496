"""Staff: accounts, permissions with scope, sessions that can be revoked. Citizens have links instead of accounts."""
