//! Rows and parameters: how a [`Moment`] travels to and from either database, and a todo out of a row.

use sqlx::encode::IsNull;
use sqlx::error::BoxDynError;
use sqlx::postgres::types::Oid;
use sqlx::postgres::{PgArgumentBuffer, PgHasArrayType, PgTypeInfo, PgValueRef};
use sqlx::sqlite::{SqliteArgumentsBuffer, SqliteTypeInfo, SqliteValueRef};
use sqlx::{ColumnIndex, Database, Decode, Encode, Postgres, Row, Sqlite, Type};

use crate::todo::{Moment, TodoRef, deadline};

/// Microseconds from 1970-01-01 to 2000-01-01, where PostgreSQL's timestamps begin.
const POSTGRES_EPOCH_MICROS: i64 = 946_684_800_000_000;
/// `timestamp without time zone` and its array, as PostgreSQL's catalogue numbers them.
const TIMESTAMP_OID: Oid = Oid(1114);
const TIMESTAMP_ARRAY_OID: Oid = Oid(1115);

/// The columns `id, title, description, completed, deadline_at, created_at, updated_at`, in this order.
///
/// Unchecked decoding: the statements are ours, and the course's own table has `integer` ids, which read as `i64`
/// just as well.
pub(super) fn todo<'r, R>(row: &'r R) -> Result<TodoRef<'r>, sqlx::Error>
where
    R: Row,
    usize: ColumnIndex<R>,
    i64: Decode<'r, R::Database>,
    bool: Decode<'r, R::Database>,
    &'r str: Decode<'r, R::Database>,
    Moment: Decode<'r, R::Database>,
    R::Database: Database,
{
    Ok(TodoRef {
        id: row.try_get_unchecked(0)?,
        title: row.try_get_unchecked(1)?,
        description: row.try_get_unchecked(2)?,
        completed: row.try_get_unchecked(3)?,
        deadline_at: row.try_get_unchecked(4)?,
        created_at: row.try_get_unchecked(5)?,
        updated_at: row.try_get_unchecked(6)?,
    })
}

impl Type<Postgres> for Moment {
    fn type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMP_OID)
    }
}

impl PgHasArrayType for Moment {
    fn array_type_info() -> PgTypeInfo {
        PgTypeInfo::with_oid(TIMESTAMP_ARRAY_OID)
    }
}

impl Encode<'_, Postgres> for Moment {
    fn encode_by_ref(&self, buffer: &mut PgArgumentBuffer) -> Result<IsNull, BoxDynError> {
        <i64 as Encode<'_, Postgres>>::encode(self.unix_micros() - POSTGRES_EPOCH_MICROS, buffer)
    }
}

impl<'r> Decode<'r, Postgres> for Moment {
    fn decode(value: PgValueRef<'r>) -> Result<Self, BoxDynError> {
        // Anything out of our range (PostgreSQL has `infinity` and years to 294276) shows as the nearest we have.
        let micros = <i64 as Decode<'r, Postgres>>::decode(value)?;
        Ok(Self::saturating_from_unix_micros(micros.saturating_add(POSTGRES_EPOCH_MICROS)))
    }
}

impl Type<Sqlite> for Moment {
    fn type_info() -> SqliteTypeInfo {
        <str as Type<Sqlite>>::type_info()
    }
}

impl Encode<'_, Sqlite> for Moment {
    fn encode_by_ref(&self, buffer: &mut SqliteArgumentsBuffer) -> Result<IsNull, BoxDynError> {
        let text = String::from_utf8(self.format(b' ').to_vec())?;
        <String as Encode<'_, Sqlite>>::encode(text, buffer)
    }
}

impl<'r> Decode<'r, Sqlite> for Moment {
    fn decode(value: SqliteValueRef<'r>) -> Result<Self, BoxDynError> {
        let text = <&str as Decode<'r, Sqlite>>::decode(value)?;
        deadline::parse(text).ok_or_else(|| format!("not a date and time: {text:?}").into())
    }
}
