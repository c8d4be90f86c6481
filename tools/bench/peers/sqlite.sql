-- The same tables, rules and audit trigger as in postgresql.sql, as one would build them in SQLite.

CREATE TABLE subnet (
  id INTEGER PRIMARY KEY,
  prefix TEXT NOT NULL UNIQUE
) STRICT;

-- Without a rowid the table itself is ordered by address, and no second index is needed for it.
CREATE TABLE lease (
  address BLOB PRIMARY KEY CHECK (length(address) = 16),
  subnet_id INTEGER NOT NULL REFERENCES subnet,
  type INTEGER NOT NULL DEFAULT 0,  -- 0 address, 2 delegated prefix
  duid BLOB NOT NULL CHECK (length(duid) BETWEEN 3 AND 130),
  iaid INTEGER NOT NULL CHECK (iaid BETWEEN 0 AND 4294967295),
  state INTEGER NOT NULL DEFAULT 0,
  preferred_seconds INTEGER NOT NULL,
  valid_seconds INTEGER NOT NULL,
  since INTEGER NOT NULL DEFAULT (unixepoch()),
  host_name TEXT,
  UNIQUE (duid, iaid, type)
) STRICT, WITHOUT ROWID;

-- SQLite has no row type: a row is kept as JSON. It has no users either: the driver's connection says who (actor()).
CREATE TABLE lease_audit (
  id INTEGER PRIMARY KEY,
  at TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%fZ')),
  actor TEXT NOT NULL,
  operation TEXT NOT NULL,
  old_row TEXT,
  new_row TEXT
) STRICT;

CREATE TRIGGER audit_insert AFTER INSERT ON lease BEGIN
  INSERT INTO lease_audit (actor, operation, new_row) VALUES (actor(), 'INSERT',
    json_array(hex(new.address), new.subnet_id, new.type, hex(new.duid), new.iaid, new.state,
               new.preferred_seconds, new.valid_seconds, new.since, new.host_name));
END;
CREATE TRIGGER audit_update AFTER UPDATE ON lease BEGIN
  INSERT INTO lease_audit (actor, operation, old_row, new_row) VALUES (actor(), 'UPDATE',
    json_array(hex(old.address), old.subnet_id, old.type, hex(old.duid), old.iaid, old.state,
               old.preferred_seconds, old.valid_seconds, old.since, old.host_name),
    json_array(hex(new.address), new.subnet_id, new.type, hex(new.duid), new.iaid, new.state,
               new.preferred_seconds, new.valid_seconds, new.since, new.host_name));
END;
CREATE TRIGGER audit_delete AFTER DELETE ON lease BEGIN
  INSERT INTO lease_audit (actor, operation, old_row) VALUES (actor(), 'DELETE',
    json_array(hex(old.address), old.subnet_id, old.type, hex(old.duid), old.iaid, old.state,
               old.preferred_seconds, old.valid_seconds, old.since, old.host_name));
END;
