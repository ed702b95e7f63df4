//! What can be asked of the database, each statement once for both databases.

use bytes::Bytes;
use futures_util::TryStreamExt;
use sqlx::{PgConnection, Row, SqliteConnection};

use super::{PageEnd, row, sql};
use crate::todo::json::todo_body;
use crate::todo::{Filter, Moment, NewTodo, Patch, Todo};

/// Something that runs on a connection of type `C`. It may run again on another connection when the first is dead.
pub(super) trait Statement<C>: Sync {
    type Output: Send;

    fn run(&self, connection: &mut C) -> impl Future<Output = Result<Self::Output, sqlx::Error>> + Send;
}

/// Up to `limit` todos with ids above `after`, as a part of the list's JSON text: see [`Part`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Page {
    pub filter: Filter,
    pub after: i64,
    pub limit: u32,
    pub part: Part,
}

/// Which part of the JSON text a page is. The text is closed where nothing follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// All of it, whether or not more todos follow.
    Whole,
    First,
    Next,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Get(pub i64);

/// Those of these todos that there are, in any order, each with its JSON text.
#[derive(Debug)]
pub(super) struct GetMany(pub(super) Vec<i64>);

#[derive(Debug)]
pub(super) struct Insert(pub NewTodo, pub Moment);

#[derive(Debug)]
pub(super) struct Update(pub i64, pub Patch, pub Moment);

#[derive(Debug, Clone, Copy)]
pub(super) struct Delete(pub i64);

/// Room for a page's first todos before its buffer has to grow.
const PAGE_BYTES: usize = 32 * 1024;

macro_rules! on_both {
    ($statement:ty => $output:ty, |$this:ident, $connection:ident| $body:block) => {
        on_both!(@ PgConnection, $statement, $output, $this, $connection, $body);
        on_both!(@ SqliteConnection, $statement, $output, $this, $connection, $body);
    };
    (@ $database:ty, $statement:ty, $output:ty, $this:ident, $connection:ident, $body:block) => {
        impl Statement<$database> for $statement {
            type Output = $output;

            async fn run(&self, $connection: &mut $database) -> Result<$output, sqlx::Error> {
                let $this = self;
                $body
            }
        }
    };
}

on_both!(Page => (Vec<u8>, PageEnd), |page, connection| {
    let limit = i64::from(page.limit) + 1;
    let mut query = sqlx::query(sql::page(&page.filter)).bind(page.after).bind(limit);
    if let Some(completed) = page.filter.completed {
        query = query.bind(completed);
    }
    if let Some(due_by) = page.filter.due_by {
        query = query.bind(due_by);
    }
    let mut out = Vec::with_capacity(PAGE_BYTES);
    out.push(if page.part == Part::Next { b',' } else { b'[' });
    let mut end = PageEnd::default();
    let mut rows = query.fetch(connection);
    while let Some(row) = rows.try_next().await? {
        end.push(row::todo(&row)?, page.limit, &mut out);
    }
    if page.part == Part::Next && end.count == 0 {
        // The todos that were to follow have been deleted meanwhile: no comma.
        out.clear();
    }
    if page.part == Part::Whole || !end.more {
        out.extend_from_slice(b"]\n");
    }
    Ok((out, end))
});

on_both!(Get => Option<Bytes>, |get, connection| {
    let row = sqlx::query(sql::GET).bind(get.0).fetch_optional(connection).await?;
    row.as_ref().map(|row| row::todo(row).map(|todo| Bytes::from(todo_body(todo)))).transpose()
});

impl Statement<PgConnection> for GetMany {
    type Output = Vec<(i64, Bytes)>;

    async fn run(&self, connection: &mut PgConnection) -> Result<Vec<(i64, Bytes)>, sqlx::Error> {
        let rows = sqlx::query(sql::GET_MANY_POSTGRES).bind(&self.0).fetch_all(connection).await?;
        rows.iter().map(|row| row::todo(row).map(|todo| (todo.id, Bytes::from(todo_body(todo))))).collect()
    }
}

impl Statement<SqliteConnection> for GetMany {
    type Output = Vec<(i64, Bytes)>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Vec<(i64, Bytes)>, sqlx::Error> {
        let ids: Vec<String> = self.0.iter().map(i64::to_string).collect();
        let query = sqlx::query(sql::GET_MANY_SQLITE).bind(format!("[{}]", ids.join(",")));
        let rows = query.fetch_all(connection).await?;
        rows.iter().map(|row| row::todo(row).map(|todo| (todo.id, Bytes::from(todo_body(todo))))).collect()
    }
}

on_both!(Insert => i64, |insert, connection| {
    let Insert(new, now) = insert;
    let query = sqlx::query(sql::INSERT)
        .bind(&new.title)
        .bind(&new.description)
        .bind(new.completed)
        .bind(new.deadline_at)
        .bind(*now);
    query.fetch_one(connection).await?.try_get_unchecked(0)
});

on_both!(Update => Option<Todo>, |update, connection| {
    let Update(id, patch, now) = update;
    let query = sqlx::query(sql::UPDATE)
        .bind(*id)
        .bind(patch.title.as_deref())
        .bind(patch.completed)
        .bind(patch.description.is_some())
        .bind(patch.description.as_ref().and_then(Option::as_deref))
        .bind(patch.deadline_at.is_some())
        .bind(patch.deadline_at.flatten())
        .bind(*now);
    let row = query.fetch_optional(connection).await?;
    row.as_ref().map(|row| row::todo(row).map(|todo| todo.to_owned())).transpose()
});

on_both!(Delete => Option<Todo>, |delete, connection| {
    let row = sqlx::query(sql::DELETE).bind(delete.0).fetch_optional(connection).await?;
    row.as_ref().map(|row| row::todo(row).map(|todo| todo.to_owned())).transpose()
});
