// SPDX-License-Identifier: MPL-2.0

package secretsengine

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/hashicorp/vault/sdk/framework"
	"github.com/hashicorp/vault/sdk/logical"

	"mashproxy/mashery"
)

// noRole answers what needs a role that does not exist: 404, with words.
// Beside a response, ErrUnsupportedPath is what Vault makes a 404 of, in a
// plugin too, where error types get lost (sdk/logical/response_util.go).
func noRole(name string) (*logical.Response, error) {
	return logical.ErrorResponse("role %q does not exist; write roles/%s first", name, name), logical.ErrUnsupportedPath
}

// notCapable answers a request for an API the role has no credentials for.
func notCapable(r *role, api mashery.API) *logical.Response {
	needs := "area_id, api_key, secret, username and password"
	if api == mashery.V2 {
		needs = "area_nid, api_key and secret"
	}
	remedy := "write them to roles/" + r.Name
	if r.Imported {
		remedy = "ask for an export that holds them"
	}
	return logical.ErrorResponse("role is not capable of api version %d, which needs %s; %s", api, needs, remedy)
}

// noToken answers when no access token could be had: what Mashery refused, in
// its words; anything else is a fault.
func noToken(roleName string, err error) (*logical.Response, error) {
	var refusal *mashery.TokenError
	switch {
	case errors.As(err, &refusal) && refusal.ErrorCode == mashery.ErrDeveloperOverQPS:
		return logical.ErrorResponse("role %q: %v", roleName, refusal), logical.ErrUpstreamRateLimited
	case errors.As(err, &refusal):
		return logical.ErrorResponse("role %q: %v", roleName, refusal), nil
	case errors.Is(err, context.DeadlineExceeded):
		return nil, fmt.Errorf("role %q: Mashery's token endpoint did not answer in time: %w", roleName, err)
	}
	return nil, fmt.Errorf("an access token for role %q: %w", roleName, err)
}

// checkFields says what is wrong with the fields of a request that Vault would
// pass over: that the path does not have them, or that a number is not whole.
func checkFields(data map[string]any, known map[string]*framework.FieldSchema) error {
	var unknown []string
	for name, value := range data {
		switch field := known[name]; {
		case field == nil:
			unknown = append(unknown, fmt.Sprintf("%q", name))
		case (field.Type == framework.TypeInt || field.Type == framework.TypeInt64) && !whole(value):
			return fmt.Errorf("%s must be a whole number, and not beyond nine quadrillion", name)
		}
	}
	if len(unknown) == 0 {
		return nil
	}
	slices.Sort(unknown)
	return fmt.Errorf("there is no field %s here; the fields are %s",
		strings.Join(unknown, ", "), strings.Join(slices.Sorted(maps.Keys(known)), ", "))
}

// whole tells whether a number came as it was written. To a plugin numbers come
// as floats, of which the SDK would take what is before the point.
func whole(value any) bool {
	number, float := value.(float64)
	return !float || number == math.Trunc(number) && math.Abs(number) <= 9e15
}
