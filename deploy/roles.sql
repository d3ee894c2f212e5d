-- Database roles of Tieout, made by an administrator of PostgreSQL (15 or newer). Run it in the
-- database of the books, before the first `tieout migrate` or later; a repeat changes nothing.
--
--   psql -v owner=tieout -d tieout -f deploy/roles.sql
--
-- The owner migrates and owns the tables. In a database that exists it is whoever owns them now.
-- The other four have DML only on what they write (docs/privileges.md): the next `tieout migrate`
-- grants it. Passwords are taken from the environment where it has them:
--   TIEOUT_OWNER_PASSWORD, TIEOUT_APP_PASSWORD, TIEOUT_RECEIVER_PASSWORD,
--   TIEOUT_READER_PASSWORD, TIEOUT_CONSOLE_PASSWORD
\set ON_ERROR_STOP on
\if :{?owner}
\else
  \set owner tieout
\endif

SELECT format('CREATE ROLE %I LOGIN', r.name)
  FROM (VALUES (:'owner'), ('tieout_app'), ('tieout_receiver'), ('tieout_reader'),
               ('tieout_console')) AS r (name)
 WHERE r.name NOT IN (SELECT rolname FROM pg_roles)
\gexec

-- Nobody else is in this database, and only the owner creates anything that stays. Workers and
-- commands stage rows in temporary tables.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database()),
       format('GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I, tieout_app', current_database(),
              :'owner'),
       format('GRANT CONNECT ON DATABASE %I TO tieout_receiver, tieout_reader, tieout_console',
              current_database())
\gexec
REVOKE CREATE ON SCHEMA public FROM PUBLIC;
GRANT CREATE, USAGE ON SCHEMA public TO :"owner";
GRANT USAGE ON SCHEMA public TO tieout_app, tieout_receiver, tieout_reader, tieout_console;

\getenv password TIEOUT_OWNER_PASSWORD
\if :{?password}
  ALTER ROLE :"owner" PASSWORD :'password';
  \unset password
\endif
\getenv password TIEOUT_APP_PASSWORD
\if :{?password}
  ALTER ROLE tieout_app PASSWORD :'password';
  \unset password
\endif
\getenv password TIEOUT_RECEIVER_PASSWORD
\if :{?password}
  ALTER ROLE tieout_receiver PASSWORD :'password';
  \unset password
\endif
\getenv password TIEOUT_READER_PASSWORD
\if :{?password}
  ALTER ROLE tieout_reader PASSWORD :'password';
  \unset password
\endif
\getenv password TIEOUT_CONSOLE_PASSWORD
\if :{?password}
  ALTER ROLE tieout_console PASSWORD :'password';
  \unset password
\endif
