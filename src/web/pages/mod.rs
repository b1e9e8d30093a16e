//! The pages of the room.

use super::Room;
use super::problem::Problem;
use axum::Router;
use std::sync::Arc;

/// Everything outside `/api`.
pub fn routes() -> Router<Arc<Room>> {
    Router::new().fallback(|| async { Problem::NOT_FOUND })
}
