//go:build tools

// Package strangers pins what check-real builds of others.
package strangers

import _ "github.com/centrifugal/centrifugo/v6"
