use std::io::Write;

use crate::failure::{Doing, Outcome};

/// Formats that are compressed inside gain nothing.
pub(crate) fn pays(name: &str) -> bool {
    let packed = ["woff2", "png", "webp", "avif", "jpg"];
    !packed.contains(&name.rsplit('.').next().unwrap_or(name))
}

pub(crate) fn brotli(content: &[u8], fast: bool) -> Outcome<Vec<u8>> {
    let quality = if fast { 4 } else { 11 };
    let parameters = brotli::enc::BrotliEncoderParams { quality, lgwin: 22, ..Default::default() };
    let mut out = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut out, &parameters).doing(|| "Cannot compress".to_owned())?;
    Ok(out)
}

pub(crate) fn gzip(content: &[u8]) -> Outcome<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content).doing(|| "Cannot compress".to_owned())?;
    encoder.finish().doing(|| "Cannot compress".to_owned())
}
