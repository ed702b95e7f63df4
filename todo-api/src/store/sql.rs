//! Every statement, once. Both databases understand all but the batch insert, which is PostgreSQL's own.
//!
//! Filters are separate statements rather than `($1 IS NULL OR …)`, so that the plain list stays the plain plan.

use crate::todo::Filter;

macro_rules! page {
    ($condition:literal) => {
        concat!(
            "SELECT id, title, description, completed, deadline_at, created_at, updated_at \
             FROM todos WHERE id > $1",
            $condition,
            " ORDER BY id LIMIT $2"
        )
    };
}

/// Parameters: after id, limit, then the filter's own in the order of its fields.
pub(super) fn page(filter: &Filter) -> &'static str {
    match (filter.completed.is_some(), filter.due_by.is_some()) {
        (false, false) => page!(""),
        (true, false) => page!(" AND completed = $3"),
        (false, true) => page!(" AND deadline_at <= $3"),
        (true, true) => page!(" AND completed = $3 AND deadline_at <= $4"),
    }
}

/// Parameters: id.
pub(super) const GET: &str =
    "SELECT id, title, description, completed, deadline_at, created_at, updated_at FROM todos WHERE id = $1";

/// Parameters: an array of ids.
pub(super) const GET_MANY_POSTGRES: &str = "SELECT id, title, description, completed, deadline_at, created_at, \
     updated_at FROM todos WHERE id = ANY($1)";

/// Parameters: a JSON array of ids.
pub(super) const GET_MANY_SQLITE: &str = "SELECT id, title, description, completed, deadline_at, created_at, \
     updated_at FROM todos WHERE id IN (SELECT value FROM json_each($1))";

/// Parameters: title, description, completed, `deadline_at`, now.
pub(super) const INSERT: &str = "INSERT INTO todos (title, description, completed, deadline_at, created_at, updated_at) \
     VALUES ($1, $2, $3, $4, $5, $5) RETURNING id";

/// Many todos in one statement and so one commit. Parameters: arrays of title, description, completed,
/// `deadline_at`, now. Answers the ids in the order of the arrays: they are drawn before the insert, because SQL
/// promises no order for RETURNING.
pub(super) const INSERT_BATCH: &str = "WITH input AS MATERIALIZED ( \
       SELECT nextval((SELECT pg_get_serial_sequence('todos', 'id'))::regclass) AS id, t.* \
       FROM unnest($1::text[], $2::text[], $3::bool[], $4::timestamp[], $5::timestamp[]) \
         WITH ORDINALITY AS t(title, description, completed, deadline_at, now, position)), \
     written AS ( \
       INSERT INTO todos (id, title, description, completed, deadline_at, created_at, updated_at) \
       SELECT id, title, description, completed, deadline_at, now, now FROM input) \
     SELECT id FROM input ORDER BY position";

/// Parameters: id, title or null, completed or null, whether to set the description, description, whether to set the
/// deadline, deadline, now.
pub(super) const UPDATE: &str = "UPDATE todos SET title = COALESCE($2, title), completed = COALESCE($3, completed), \
       description = CASE WHEN $4 THEN $5 ELSE description END, \
       deadline_at = CASE WHEN $6 THEN $7 ELSE deadline_at END, updated_at = $8 \
     WHERE id = $1 \
     RETURNING id, title, description, completed, deadline_at, created_at, updated_at";

/// Parameters: id.
pub(super) const DELETE: &str = "DELETE FROM todos WHERE id = $1 \
     RETURNING id, title, description, completed, deadline_at, created_at, updated_at";
