//! The tables of the accounts, and what brings older ones up to date.

/// `user_version` of the file.
pub(super) const VERSION: i64 = 2;

/// Version 1.
pub(super) const TABLES: &str = "
CREATE TABLE account (
    name TEXT PRIMARY KEY COLLATE NOCASE, hash TEXT NOT NULL, roles TEXT NOT NULL, office TEXT,
    created INTEGER NOT NULL, disabled INTEGER, failures INTEGER NOT NULL DEFAULT 0, locked_until INTEGER,
    totp BLOB, totp_step INTEGER NOT NULL DEFAULT 0, totp_new BLOB, language TEXT,
    seen INTEGER, heard INTEGER
);
CREATE TABLE holding (account TEXT NOT NULL COLLATE NOCASE, kind TEXT NOT NULL, what TEXT NOT NULL,
    since INTEGER, until INTEGER);
CREATE INDEX holding_of ON holding (account);
CREATE TABLE undertaking (version TEXT PRIMARY KEY, text TEXT NOT NULL, first INTEGER NOT NULL);
CREATE TABLE accepted (account TEXT NOT NULL COLLATE NOCASE, version TEXT NOT NULL, at INTEGER NOT NULL,
    PRIMARY KEY (account, version));
CREATE TABLE session (hash BLOB PRIMARY KEY, account TEXT NOT NULL COLLATE NOCASE, created INTEGER NOT NULL,
    seen INTEGER NOT NULL, address TEXT NOT NULL);
CREATE TABLE token (hash BLOB PRIMARY KEY, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL COLLATE NOCASE,
    label TEXT NOT NULL, acts TEXT NOT NULL, created INTEGER NOT NULL, until INTEGER NOT NULL);
CREATE TABLE failure (address TEXT PRIMARY KEY, n INTEGER NOT NULL, since INTEGER NOT NULL);
CREATE TABLE request (n INTEGER PRIMARY KEY AUTOINCREMENT, asker TEXT NOT NULL COLLATE NOCASE,
    reason TEXT NOT NULL, ref TEXT NOT NULL, asked INTEGER NOT NULL, state TEXT NOT NULL,
    decider TEXT COLLATE NOCASE, decided INTEGER, until INTEGER, why TEXT);
CREATE INDEX request_of ON request (asker, state);
CREATE TABLE request_for (n INTEGER NOT NULL, recording BLOB NOT NULL, PRIMARY KEY (n, recording)) WITHOUT ROWID;
CREATE INDEX request_by_recording ON request_for (recording);
";

/// From version 1 to 2: accounts whose password is a provider's.
pub(super) const TO_2: &str = "
ALTER TABLE account ADD COLUMN provider INTEGER NOT NULL DEFAULT 0;
ALTER TABLE account ADD COLUMN issuer TEXT;
ALTER TABLE account ADD COLUMN subject TEXT;
CREATE UNIQUE INDEX account_of ON account (issuer, subject);
ALTER TABLE session ADD COLUMN sid TEXT;
ALTER TABLE session ADD COLUMN id_token TEXT;
";
