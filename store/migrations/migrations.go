// Package migrations holds the steps of the database's schema, as files: what
// they are called and how they are read package db says.
package migrations

import "embed"

// Files are NNNN_name.up.sql, NNNN_name.down.sql and what one database alone needs.
//
//go:embed *.sql
var Files embed.FS
