// SPDX-License-Identifier: MPL-2.0

package policy

import "testing"

func TestASharedTokenNeedsTheRightToTheTokenInPlaceOfTheGrants(t *testing.T) {
	const neither = `{"capabilities": ["list"]}`
	tests := map[string]struct {
		shared       bool
		grant, token string
		line         string
		cause        Cause
	}{
		"a V3 call needs the token":                     {true, neither, readOnly, "GET proxy/v3/s", ""},
		"a V3 call does not need the grant":             {true, deny, readOnly, "GET proxy/v3/s", ""},
		"the grant does not help a V3 call":             {true, readOnly, neither, "GET proxy/v3/s", NoGrant},
		"a V2 call needs the grant":                     {true, readOnly, neither, "POST proxy/v2", ""},
		"the token does not help a V2 call":             {true, neither, readOnly, "POST proxy/v2", NoGrant},
		"without sharing, a V3 call needs the grant":    {false, readOnly, deny, "GET proxy/v3/s", ""},
		"without sharing, the token helps nobody":       {false, neither, readOnly, "GET proxy/v3/s", NoGrant},
		"a token whose reading needs a parameter: none": {true, neither, `{"capabilities": ["read"], "required_parameters": ["x"]}`, "GET proxy/v3/s", NoGrant},
		"a token with parameters that nobody sends":     {true, neither, `{"capabilities": ["read"], "denied_parameters": {"api": []}}`, "GET proxy/v3/s", ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			mount := Mount{Path: demoMount, SharedToken: test.shared}
			rules := newRules(answerOf(t, answer{glob: map[string]string{
				"mash-creds/roles/+/proxy/*": everything, "mash-creds/roles/+/grant": test.grant, "mash-creds/roles/+/token": test.token,
			}}.text()), []Mount{mount}, "")
			req := request(test.line)
			req.Mount = mount
			if got := rules.Decide(req); got.Cause != test.cause || (got.Verdict == Allowed) != (test.cause == "") {
				t.Errorf("got %+v", got)
			}
		})
	}
}
