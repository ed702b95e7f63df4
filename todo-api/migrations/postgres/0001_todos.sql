-- The course's own table is adopted when it is there: same name, same columns, and its integer ids keep working.
CREATE TABLE IF NOT EXISTS todos (
    id          BIGSERIAL PRIMARY KEY,
    title       VARCHAR(80)  NOT NULL,
    description VARCHAR(120),
    completed   BOOLEAN      NOT NULL DEFAULT FALSE,
    deadline_at TIMESTAMP,
    created_at  TIMESTAMP    NOT NULL,
    updated_at  TIMESTAMP    NOT NULL
);
