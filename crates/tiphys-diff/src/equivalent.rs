//! Whether two states of an object are the same to the API server.
//!
//! Knows what the server does to every object that it stores: unknown fields and meaningless zeros go, defaults
//! come, scalars get their canonical spelling. What a patch does is `merge`'s.

use serde_json::{Map, Value};

use crate::defaults;
use crate::pointers::keeps_zero;
use crate::schema::{Shape, Slot, View};
use crate::spelling;

type Fields = Map<String, Value>;

/// Whether storing `predicted` gives `live`.
pub(crate) fn equivalent(predicted: &Value, live: &Value, view: Option<View<'_>>) -> bool {
    match (predicted, live) {
        (Value::Object(predicted), Value::Object(live)) => fields(predicted, live, view),
        (Value::Array(predicted), Value::Array(live)) => {
            let element = view.and_then(View::element);
            predicted.len() == live.len()
                && predicted.iter().zip(live).all(|(one, other)| equivalent(one, other, element))
        }
        (Value::Number(one), Value::Number(other)) if one.is_f64() || other.is_f64() => {
            one.as_f64() == other.as_f64() || scalars(predicted, live, view)
        }
        (one, other) => one == other || scalars(one, other, view),
    }
}

fn scalars(one: &Value, other: &Value, view: Option<View<'_>>) -> bool {
    match view.filter(|view| view.ty.builtin).map(|view| &view.ty.shape) {
        Some(Shape::Scalar(scalar)) => spelling::same(*scalar, one, other),
        _ => false,
    }
}

fn fields(predicted: &Fields, live: &Fields, view: Option<View<'_>>) -> bool {
    if let Some(name) = view.filter(|view| view.ty.builtin).map(|view| view.ty.name.as_ref())
        && let (Some(one), Some(other)) = (defaults::filled(name, predicted), defaults::filled(name, live))
    {
        return every_field(&one, &other, view);
    }
    every_field(predicted, live, view)
}

fn every_field(predicted: &Fields, live: &Fields, view: Option<View<'_>>) -> bool {
    predicted.iter().all(|(key, one)| field(key, Some(one), live.get(key), predicted, live, view))
        && live
            .iter()
            .filter(|(key, _)| !predicted.contains_key(*key))
            .all(|(key, other)| field(key, None, Some(other), predicted, live, view))
}

/// Whether the field `key` is the same in `predicted` and `live`, where it has the given values.
pub(crate) fn field(
    key: &str,
    one: Option<&Value>,
    other: Option<&Value>,
    predicted: &Fields,
    live: &Fields,
    view: Option<View<'_>>,
) -> bool {
    let slot = Slot::of(view, key);
    let builtin = view.filter(|view| view.ty.builtin && view.is_struct()).map(|view| view.ty.name.as_ref());
    if builtin.is_some_and(|definition| defaults::never_updated(definition, key)) {
        return true;
    }
    let says_something = |value: &&Value| {
        let dropped = builtin.is_some_and(|definition| {
            is_empty(value, slot) && !keeps_zero(definition, key)
                || defaults::is_unset(definition, key, value)
        });
        // A custom resource can hold a null, which a patch takes away, unless a default takes its place.
        let null_is_kept = view.is_none_or(|view| !view.ty.builtin)
            && slot.field.is_none_or(|field| field.default.is_none());
        !dropped && (null_is_kept || !value.is_null())
    };
    let one = one.filter(says_something);
    let other = other.filter(says_something);
    match (one, other) {
        (None, None) => true,
        (Some(one), Some(other)) => equivalent(one, other, slot.view),
        (Some(present), None) => {
            view.is_some_and(|view| view.drops(key) || implied(key, present, live, view, slot))
        }
        (None, Some(present)) => view.is_some_and(|view| {
            implied(key, present, predicted, view, slot)
                || builtin.is_some_and(|definition| defaults::kept(definition, key))
        }),
    }
}

/// Whether `present` is what the server makes of a missing field of `parent`.
fn implied(key: &str, present: &Value, parent: &Fields, view: View<'_>, slot: Slot<'_>) -> bool {
    if let Some(default) = slot.field.and_then(|field| field.default.as_deref())
        && equivalent(default, present, slot.view)
    {
        return true;
    }
    if !view.ty.builtin {
        return false;
    }
    defaults::candidates(&view.ty.name, key, parent)
        .iter()
        .any(|candidate| equivalent(candidate, present, slot.view))
}

/// Whether the value is one that the server drops from a field that can't tell it from a missing one.
fn is_empty(value: &Value, slot: Slot<'_>) -> bool {
    match (slot.view.map(|view| &view.ty.shape), value) {
        (Some(Shape::List(_)), Value::Array(items)) => items.is_empty(),
        (Some(Shape::Map(_)), Value::Object(entries)) => entries.is_empty(),
        (Some(Shape::Scalar(_)), Value::String(text)) => text.is_empty(),
        (Some(Shape::Scalar(_)), Value::Bool(flag)) => !flag,
        (Some(Shape::Scalar(_)), Value::Number(number)) => number.as_f64() == Some(0.0),
        _ => false,
    }
}

/// Gives `predicted` the spelling of `live` wherever both are the same, so that what is shown as a difference is one.
pub(crate) fn align(predicted: &mut Value, live: &Value, view: Option<View<'_>>) {
    if equivalent(predicted, live, view) {
        *predicted = live.clone();
        return;
    }
    match (predicted, live) {
        (Value::Object(predicted), Value::Object(live)) => {
            let mut keys: Vec<String> = predicted.keys().cloned().collect();
            keys.extend(live.keys().filter(|key| !predicted.contains_key(*key)).cloned());
            for key in keys {
                let other = live.get(&key);
                let same = field(&key, predicted.get(&key), other, predicted, live, view);
                match (same, other) {
                    (true, Some(other)) => {
                        predicted.insert(key, other.clone());
                    }
                    (true, None) => {
                        predicted.remove(&key);
                    }
                    (false, Some(other)) => {
                        if let Some(one) = predicted.get_mut(&key) {
                            align(one, other, Slot::of(view, &key).view);
                        }
                    }
                    (false, None) => {}
                }
            }
        }
        (Value::Array(predicted), Value::Array(live)) => {
            let element = view.and_then(View::element);
            for (one, other) in predicted.iter_mut().zip(live) {
                align(one, other, element);
            }
        }
        _ => {}
    }
}
