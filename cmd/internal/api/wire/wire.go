// Package wire is how the API speaks HTTP: calls and their bodies, errors in
// OpenAI's shape, pages, server-sent events and the numbers of its JSON.
//
// It knows no noun and no store: what it is given it checks for form alone.
package wire
