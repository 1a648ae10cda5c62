//! The OpenAPI document: made from the code, completed with what is the same for every operation.

use utoipa::openapi::path::{Operation, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::schema::{AdditionalProperties, ObjectBuilder, Schema, SchemaType, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, InfoBuilder, OpenApi, OpenApiBuilder, Ref, RefOr, Required, ResponseBuilder,
    SecurityRequirement,
};
use utoipa::{PartialSchema, ToSchema};

use super::problem::Problem;

const ABOUT: &str = "What Hotline's nodes do, and what can be asked of them. Commands are answered by the node: 200 is in \
effect, 202 is pending, everything else a problem with its reason. Sign in by POST /api/v1/session, or give a bearer token.";

/// The document as the golden file has it, and as it is served.
pub fn document() -> String {
    text(&super::api().1)
}

pub(super) fn text(document: &OpenApi) -> String {
    // It is made of text and numbers alone.
    document
        .to_pretty_json()
        .map(|text| text + "\n")
        .unwrap_or_default()
}

pub(super) fn base() -> OpenApi {
    OpenApiBuilder::new()
        .info(
            InfoBuilder::new()
                .title("Hotline")
                .version(env!("CARGO_PKG_VERSION"))
                .description(Some(ABOUT))
                .build(),
        )
        .build()
}

/// Security, problems and headers of every operation.
pub(super) fn complete(document: &mut OpenApi) {
    let components = document.components.get_or_insert_default();
    components
        .schemas
        .insert(Problem::name().into_owned(), Problem::schema());
    for (name, schema) in &mut components.schemas {
        // Like all bodies, each kind of order has its own fields and no others.
        if let (true, RefOr::T(Schema::OneOf(kinds))) = (name.ends_with("Order"), schema) {
            for kind in &mut kinds.items {
                if let RefOr::T(Schema::Object(kind)) = kind {
                    kind.additional_properties = Some(Box::new(AdditionalProperties::FreeForm(false)));
                }
            }
        }
    }
    components.add_security_scheme(
        "token",
        SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build()),
    );
    components.add_security_scheme(
        "session",
        SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("hotline_session"))),
    );
    for (path, item) in &mut document.paths.paths {
        let unsafe_ones = [&mut item.post, &mut item.put, &mut item.delete, &mut item.patch];
        for operation in unsafe_ones.into_iter().flatten() {
            if !path.ends_with("/session") {
                operation
                    .parameters
                    .get_or_insert_default()
                    .push(idempotency_key().into());
            }
            common(operation);
        }
        if let Some(operation) = &mut item.get {
            common(operation);
        }
    }
}

fn common(operation: &mut Operation) {
    let open = operation.security.is_some();
    if !open {
        let no_scopes: [&str; 0] = [];
        operation.security = Some(vec![
            SecurityRequirement::new("token", no_scopes),
            SecurityRequirement::new("session", no_scopes),
        ]);
    }
    let problem = |description: &str| {
        let content = ContentBuilder::new()
            .schema(Some(Ref::from_schema_name(Problem::name())))
            .build();
        ResponseBuilder::new()
            .description(description)
            .content("application/problem+json", content)
            .build()
    };
    let responses = &mut operation.responses.responses;
    responses
        .entry("401".to_owned())
        .or_insert_with(|| problem("Nobody knows who asks").into());
    responses
        .entry("default".to_owned())
        .or_insert_with(|| problem("Why it was not done").into());
}

fn idempotency_key() -> Parameter {
    let schema = ObjectBuilder::new()
        .schema_type(SchemaType::Type(Type::String))
        .min_length(Some(1))
        .max_length(Some(128))
        .pattern(Some("^[!-~]+$"))
        .build();
    ParameterBuilder::new()
        .name("Idempotency-Key")
        .parameter_in(ParameterIn::Header)
        .required(Required::False)
        .description(Some(
            "The same key with the same command is carried out once, and gives the same answer for a day. Kept in memory: a \
             restart of the daemon forgets it.",
        ))
        .schema(Some(schema))
        .build()
}
