"""pgAdmin in server mode behind a proxy that ends TLS; PGADMIN_FOLDER is where it keeps everything."""

import os

DATA_DIR = os.environ["PGADMIN_FOLDER"]
LOG_FILE = os.path.join(DATA_DIR, "pgadmin4.log")
SQLITE_PATH = os.path.join(DATA_DIR, "pgadmin4.db")
SESSION_DB_PATH = os.path.join(DATA_DIR, "sessions")
STORAGE_DIR = os.path.join(DATA_DIR, "storage")

SERVER_MODE = True
MASTER_PASSWORD_REQUIRED = False
# The door is the one proxy: what it says of client, scheme, host and port is believed, once.
PROXY_X_FOR_COUNT = PROXY_X_PROTO_COUNT = PROXY_X_HOST_COUNT = PROXY_X_PORT_COUNT = 1
PROXY_X_PREFIX_COUNT = 0
SESSION_COOKIE_SECURE = True
# The first name of the client's address would bind the session to it, and addresses change.
ENHANCED_COOKIE_PROTECTION = False
# Nothing is fetched from outside: no news of versions, no avatars.
UPGRADE_CHECK_ENABLED = False
SHOW_GRAVATAR_IMAGE = False
# `.test` is no public domain.
ALLOW_SPECIAL_EMAIL_DOMAINS = ["test"]
