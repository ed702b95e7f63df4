//! The todo and what a caller may ask of it: parsed types, no I/O, no clock.
//!
//! Nothing past this module can meet an invalid title, date or filter: the only way to a [`NewTodo`], a
//! [`Patch`] or a [`Filter`] from outside is the parser in [`input`].

pub mod deadline;
pub mod input;
pub mod json;
pub mod moment;

use utoipa::ToSchema;

pub use moment::Moment;

/// Longest title, in characters (the practical's `varchar(80)`).
pub const TITLE_CHARS_MAX: usize = 80;
/// Longest description, in characters (the practical's `varchar(120)`).
pub const DESCRIPTION_CHARS_MAX: usize = 120;

/// A todo as it is stored and as it is answered. All seven keys are always there, `null` where empty.
#[derive(Debug, Clone, PartialEq, Eq, ToSchema)]
pub struct Todo {
    /// Assigned by the database, counting from 1.
    #[schema(example = 1)]
    pub id: i64,
    #[schema(max_length = 80, example = "Watch the lecture")]
    pub title: String,
    #[schema(max_length = 120, required, example = "Distributed Systems II")]
    pub description: Option<String>,
    pub completed: bool,
    /// Naive UTC.
    #[schema(value_type = Option<String>, required, example = "2023-03-31T14:00:00")]
    pub deadline_at: Option<Moment>,
    /// Naive UTC, set by the service.
    #[schema(value_type = String, example = "2023-03-29T09:30:00.125000")]
    pub created_at: Moment,
    /// Naive UTC; moves with every change.
    #[schema(value_type = String, example = "2023-03-29T09:30:00.125000")]
    pub updated_at: Moment,
}

/// [`Todo`] borrowed from a database row: what the list serialises without copying a string.
#[derive(Debug, Clone, Copy)]
pub struct TodoRef<'a> {
    pub id: i64,
    pub title: &'a str,
    pub description: Option<&'a str>,
    pub completed: bool,
    pub deadline_at: Option<Moment>,
    pub created_at: Moment,
    pub updated_at: Moment,
}

/// A valid todo that has no id yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTodo {
    pub title: String,
    pub description: Option<String>,
    pub completed: bool,
    pub deadline_at: Option<Moment>,
}

/// A valid partial update: `None` keeps the stored value, `Some(None)` clears it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Patch {
    pub title: Option<String>,
    pub description: Option<Option<String>>,
    pub completed: Option<bool>,
    pub deadline_at: Option<Option<Moment>>,
}

/// Which todos a list holds. Both conditions must hold; `None` does not restrict.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Filter {
    pub completed: Option<bool>,
    /// Only todos with a deadline, and it is at or before this (overdue ones included).
    pub due_by: Option<Moment>,
}

impl Todo {
    pub fn as_ref(&self) -> TodoRef<'_> {
        TodoRef {
            id: self.id,
            title: &self.title,
            description: self.description.as_deref(),
            completed: self.completed,
            deadline_at: self.deadline_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl TodoRef<'_> {
    pub fn to_owned(self) -> Todo {
        Todo {
            id: self.id,
            title: String::from(self.title),
            description: self.description.map(String::from),
            completed: self.completed,
            deadline_at: self.deadline_at,
            created_at: self.created_at,
            updated_at: self.updated_at,
        }
    }
}

impl NewTodo {
    /// The todo that a database which assigned `id` at `now` now holds.
    pub fn stored(self, id: i64, now: Moment) -> Todo {
        Todo {
            id,
            title: self.title,
            description: self.description,
            completed: self.completed,
            deadline_at: self.deadline_at,
            created_at: now,
            updated_at: now,
        }
    }
}

impl Patch {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
