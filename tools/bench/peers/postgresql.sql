-- The lease database that leaseledger is compared with, as one would build it in PostgreSQL: the rules of a create are
-- constraints, and a trigger writes who changed what, when, in the same transaction.
-- Fewer indexes than a server in use needs (none for expiry, none on the audit table): each would cost PostgreSQL time.

DROP TABLE IF EXISTS lease, lease_audit, subnet;

CREATE TABLE subnet (
  id integer PRIMARY KEY,
  prefix cidr NOT NULL UNIQUE
);

CREATE TABLE lease (
  address inet PRIMARY KEY,
  subnet_id integer NOT NULL REFERENCES subnet,
  type smallint NOT NULL DEFAULT 0,  -- 0 address, 2 delegated prefix
  duid bytea NOT NULL CHECK (length(duid) BETWEEN 3 AND 130),
  iaid bigint NOT NULL CHECK (iaid BETWEEN 0 AND 4294967295),
  state smallint NOT NULL DEFAULT 0,
  preferred_seconds bigint NOT NULL,
  valid_seconds bigint NOT NULL,
  since timestamptz NOT NULL DEFAULT now(),
  host_name text,
  UNIQUE (duid, iaid, type)
);

CREATE TABLE lease_audit (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at timestamptz NOT NULL DEFAULT clock_timestamp(),
  actor text NOT NULL DEFAULT session_user,
  operation text NOT NULL,
  old_row lease,
  new_row lease
);

-- One trigger for each statement, not each row: a COPY of 1000 leases calls it once.
CREATE OR REPLACE FUNCTION audit_lease() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO lease_audit (operation, new_row) SELECT TG_OP, ROW(n.*)::lease FROM new_rows n;
  ELSIF TG_OP = 'UPDATE' THEN
    INSERT INTO lease_audit (operation, old_row, new_row)
      SELECT TG_OP, ROW(o.*)::lease, ROW(n.*)::lease FROM old_rows o FULL JOIN new_rows n USING (address);
  ELSE
    INSERT INTO lease_audit (operation, old_row) SELECT TG_OP, ROW(o.*)::lease FROM old_rows o;
  END IF;
  RETURN NULL;
END $$;

CREATE TRIGGER audit_insert AFTER INSERT ON lease REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit_lease();
CREATE TRIGGER audit_update AFTER UPDATE ON lease REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit_lease();
CREATE TRIGGER audit_delete AFTER DELETE ON lease REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION audit_lease();
