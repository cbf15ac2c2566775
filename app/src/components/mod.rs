
pub mod error_summary;
pub mod field;
pub mod icon;
