-- The course's own table is adopted when it is there: dates are text as SQLAlchemy writes it
-- (YYYY-MM-DD HH:MM:SS.ffffff), so that text order is time order. AUTOINCREMENT never gives an id twice.
CREATE TABLE IF NOT EXISTS todos (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    title       VARCHAR(80)  NOT NULL,
    description VARCHAR(120),
    completed   BOOLEAN      NOT NULL DEFAULT FALSE,
    deadline_at DATETIME,
    created_at  DATETIME     NOT NULL,
    updated_at  DATETIME     NOT NULL
);
