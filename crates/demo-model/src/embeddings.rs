//! OpenAI's embeddings: every input has a direction that depends on it alone.

use std::hash::{DefaultHasher, Hash, Hasher};

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::reply::tokens;

const DIMENSIONS: usize = 64;
const MOST_DIMENSIONS: usize = 4_096;
/// As many as OpenAI takes in one request.
const MOST_INPUTS: usize = 2_048;

/// What is embedded: one text, several, or the same as lists of tokens.
fn inputs(input: &Value) -> Option<Vec<&Value>> {
    let inputs = match input {
        Value::String(_) => vec![input],
        Value::Array(list) if list.first().is_some_and(Value::is_number) => vec![input],
        Value::Array(list) => list.iter().collect(),
        _ => Vec::new(),
    };
    let is_text = |input: &&Value| input.as_str().is_some_and(|text| !text.is_empty());
    let is_tokens = |input: &&Value| input.as_array().is_some_and(|list| list.iter().all(Value::is_u64));
    let fits =
        (1..=MOST_INPUTS).contains(&inputs.len()) && inputs.iter().all(|input| is_text(input) || is_tokens(input));
    fits.then_some(inputs)
}

/// The answer's body; an error's message where the request is none.
pub(crate) fn whole(body: &Value) -> Result<Value, &'static str> {
    let inputs = inputs(&body["input"]).ok_or("'input' must be a text, a list of texts, or tokens.")?;
    let dimensions = match &body["dimensions"] {
        Value::Null => DIMENSIONS,
        number => number
            .as_u64()
            .and_then(|number| usize::try_from(number).ok())
            .filter(|number| (1..=MOST_DIMENSIONS).contains(number))
            .ok_or("'dimensions' must be a whole number from 1 to 4096.")?,
    };
    let packed = body["encoding_format"] == "base64";
    let data = inputs.iter().enumerate().map(|(index, input)| {
        let vector = direction(input, dimensions);
        let embedding = if packed { pack(&vector) } else { json!(vector) };
        json!({"object": "embedding", "index": index, "embedding": embedding})
    });
    let read: u64 =
        inputs.iter().map(|input| input.as_array().map_or_else(|| counted(input), |list| list.len() as u64)).sum();
    Ok(json!({
        "object": "list", "model": body["model"], "data": data.collect::<Vec<_>>(),
        "usage": {"prompt_tokens": read, "total_tokens": read},
    }))
}

fn counted(input: &Value) -> u64 {
    tokens(input.as_str().map_or(0, str::len))
}

/// Of length 1.
fn direction(input: &Value, dimensions: usize) -> Vec<f32> {
    let text = input.to_string();
    let numbers = (0..dimensions).map(|at| {
        let mut hasher = DefaultHasher::new();
        (&text, at).hash(&mut hasher);
        let [high, low, ..] = hasher.finish().to_be_bytes();
        f32::from(i16::from_be_bytes([high, low])) + 0.5
    });
    let numbers: Vec<f32> = numbers.collect();
    let length = numbers.iter().map(|number| number * number).sum::<f32>().sqrt();
    numbers.into_iter().map(|number| number / length).collect()
}

/// As clients ask for it, since it is shorter: 32-bit floats, least byte first, in base64.
fn pack(vector: &[f32]) -> Value {
    STANDARD.encode(vector.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>()).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_input_has_a_direction_of_its_own() {
        let body = json!({"model": "demo", "input": ["One.", "Two.", "One."], "dimensions": 5});
        let answer = whole(&body).unwrap();
        let vector =
            |at: usize| -> Vec<f32> { serde_json::from_value(answer["data"][at]["embedding"].clone()).unwrap() };
        assert_eq!(vector(0), vector(2));
        assert_ne!(vector(0), vector(1));
        let length: f32 = vector(1).iter().map(|number| number * number).sum();
        assert!((length - 1.0).abs() < 1e-5 && vector(1).len() == 5);
        assert_eq!(answer["usage"]["prompt_tokens"], 3);
        let packed = whole(&json!({"input": "One.", "dimensions": 5, "encoding_format": "base64"})).unwrap();
        let bytes = STANDARD.decode(packed["data"][0]["embedding"].as_str().unwrap()).unwrap();
        let unpacked = bytes.chunks(4).map(|four| f32::from_le_bytes(four.try_into().unwrap()));
        assert_eq!(unpacked.collect::<Vec<_>>(), vector(0));
    }

    #[test]
    fn tokens_are_taken_and_nonsense_is_not() {
        assert_eq!(whole(&json!({"input": [1, 2, 3]})).unwrap()["usage"]["total_tokens"], 3);
        assert_eq!(whole(&json!({"input": [[1, 2], [3]]})).unwrap()["data"].as_array().unwrap().len(), 2);
        for input in [json!(null), json!([]), json!(""), json!([1, "a"]), json!({"a": 1})] {
            assert!(whole(&json!({"input": input})).is_err(), "{input}");
        }
        assert!(whole(&json!({"input": "a", "dimensions": 0})).is_err());
    }
}
