//! The API's own description and a page to read and try it, served without any outside host.

use axum::Router;
use utoipa::OpenApi;
use utoipa::openapi::OpenApi as Document;
use utoipa_swagger_ui::{Config, SwaggerUi};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "TaskOverflow",
        description = "A todo service whose instances hold nothing between requests. Every response carries \
            `X-Instance-Id`, the instance that answered, and `X-Request-Id`, taken from the request where it has a \
            sane one.",
        license(name = "MIT", identifier = "MIT"),
    ),
    tags(
        (name = "todos", description = "Create, read, change and delete todos"),
        (name = "health", description = "For load balancers and supervisors"),
    )
)]
struct Description;

/// The document's frame; the routes add themselves.
pub fn document() -> Document {
    Description::openapi()
}

/// `/docs/` and `/api/v1/openapi.json`.
pub fn router(document: Document) -> Router {
    let config = Config::from("/api/v1/openapi.json").try_it_out_enabled(true).validator_url("none");
    SwaggerUi::new("/docs").url("/api/v1/openapi.json", document).config(config).into()
}

#[cfg(test)]
mod tests {
    #[test]
    fn openapi() {
        let document = crate::app::api().to_openapi();
        insta::assert_snapshot!(document.to_pretty_json().unwrap());
    }
}
