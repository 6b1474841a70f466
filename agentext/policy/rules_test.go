// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"strings"
	"testing"
)

func TestAnswersThatAreNotUnderstoodLeaveEverythingToVault(t *testing.T) {
	withRule := func(rule string) string {
		return answer{glob: map[string]string{"mash-creds/": everything, "secret/": rule}}.text()
	}
	tests := map[string]struct {
		answer string
		cause  Cause
		detail string
	}{
		"an unknown field of the answer":     {`{"root": false, "exact_paths": {}, "glob_paths": {}, "egp_paths": {}}`, PolicyUnknown, "egp_paths"},
		"an unknown field of any rule":       {withRule(`{"capabilities": ["read"], "mfa_methods": ["totp"]}`), PolicyUnknown, "mfa_methods"},
		"an unknown capability":              {withRule(`{"capabilities": ["read", "divine"]}`), PolicyUnknown, "divine"},
		"no capabilities":                    {withRule(`{}`), PolicyUnknown, "capabilities"},
		"capabilities that are no list":      {withRule(`{"capabilities": "read"}`), PolicyUnknown, "capabilities"},
		"capabilities that are no texts":     {withRule(`{"capabilities": [1]}`), PolicyUnknown, "capabilities"},
		"a rule that is no object":           {withRule(`["read"]`), PolicyUnknown, "secret/*"},
		"an exact rule that is no object":    {answer{exact: map[string]string{"a": `1`}}.text(), PolicyUnknown, `"a"`},
		"a wrapping time in words":           {withRule(`{"capabilities": [], "min_wrapping_ttl": "1h"}`), PolicyUnknown, "min_wrapping_ttl"},
		"a wrapping time in parts":           {withRule(`{"capabilities": [], "max_wrapping_ttl": 0.5}`), PolicyUnknown, "max_wrapping_ttl"},
		"parameters that are no object":      {withRule(`{"capabilities": [], "denied_parameters": ["a"]}`), PolicyUnknown, "denied_parameters"},
		"parameters without lists":           {withRule(`{"capabilities": [], "allowed_parameters": {"a": "b"}}`), PolicyUnknown, "allowed_parameters"},
		"parameter values that are objects":  {withRule(`{"capabilities": [], "allowed_parameters": {"a": [[{"b": "c"}]]}}`), PolicyUnknown, "objects"},
		"required parameters in no list":     {withRule(`{"capabilities": [], "required_parameters": {"a": []}}`), PolicyUnknown, "required_parameters"},
		"bytes JSON cannot carry in a path":  {answer{exact: map[string]string{"a/\ufffd": everything}}.text(), PolicyUnknown, "UTF-8"},
		"bytes JSON cannot carry in a name":  {withRule(`{"capabilities": [], "denied_parameters": {"\ufffd": []}}`), PolicyUnknown, "UTF-8"},
		"bytes JSON cannot carry in a value": {withRule(`{"capabilities": [], "denied_parameters": {"a": ["\ufffd"]}}`), PolicyUnknown, "UTF-8"},
		"bytes JSON cannot carry in a list":  {withRule(`{"capabilities": [], "required_parameters": ["\ufffd"]}`), PolicyUnknown, "UTF-8"},
		"no word about root":                 {`{"exact_paths": {}, "glob_paths": {}}`, PolicyUnknown, "root"},
		"no exact paths":                     {`{"root": false, "glob_paths": {}}`, PolicyUnknown, "exact_paths"},
		"no glob paths":                      {`{"root": false, "exact_paths": {}, "glob_paths": null}`, PolicyUnknown, "glob_paths"},
		"a chroot that is no text":           {`{"root": true, "chroot_namespace": 1}`, PolicyUnknown, "chroot_namespace"},
		"a chroot":                           {`{"root": true, "chroot_namespace": "team-a/"}`, Chroot, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			rules := newRules(answerOf(t, test.answer), []Mount{{Path: demoMount}}, "")
			got := rules.Decide(request("GET proxy/v3/services"))
			if got.Verdict != Undecidable || got.Cause != test.cause || !strings.Contains(rules.detail, test.detail) {
				t.Errorf("got %+v, detail %q", got, rules.detail)
			}
			if !strings.Contains(got.Text, test.detail) || !strings.Contains(got.Text, test.cause.Hint()) {
				t.Errorf("the text does not say what is to be done: %s", got.Text)
			}
		})
	}
}

func TestARootTokenMayDoEverything(t *testing.T) {
	rules := newRules(answerOf(t, `{"root": true, "chroot_namespace": ""}`), []Mount{{Path: demoMount}}, "")
	for _, line := range []string{"GET proxy/v3/s", "LIST proxy/v3/s", "DELETE proxy/v3/s", "POST proxy/v2"} {
		if got := rules.Decide(request(line, "[")); got.Verdict != Allowed {
			t.Errorf("%s: %+v", line, got)
		}
	}
	if got := rules.Decide(request("POST proxy/v3/s/")); got.Verdict != BadRequest {
		t.Errorf("a write to a path with a slash: %+v", got)
	}
}

func TestVaultEnterpriseIsLeftToDecideUnlessTheBlockSaysOtherwise(t *testing.T) {
	const rules = `{"root": true, "chroot_namespace": ""}`
	tests := map[string]struct {
		edition Cause
		mount   Mount
		cause   Cause
	}{
		"Community":                            {"", Mount{Path: demoMount}, ""},
		"Community, a mount in a namespace":    {"", Mount{Path: demoMount, Namespace: "team"}, NoNamespaces},
		"Community, acl-only, in a namespace":  {"", Mount{Path: demoMount, Namespace: "team", ACLOnly: true}, NoNamespaces},
		"Enterprise":                           {Enterprise, Mount{Path: demoMount}, Enterprise},
		"Enterprise, acl-only":                 {Enterprise, Mount{Path: demoMount, ACLOnly: true}, ""},
		"Enterprise, acl-only, in a namespace": {Enterprise, Mount{Path: demoMount, Namespace: "team", ACLOnly: true}, ""},
		"nobody knows":                         {EditionUnknown, Mount{Path: demoMount}, EditionUnknown},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			req := request("GET proxy/v3/s")
			req.Mount = test.mount
			if got := newRules(answerOf(t, rules), []Mount{test.mount}, test.edition).Decide(req); got.Cause != test.cause {
				t.Errorf("got %+v", got)
			}
		})
	}
}

func TestRulesOfANamespaceAreAskedWithTheFullPath(t *testing.T) {
	mount := Mount{Namespace: "team/a", Path: "x/mash", ACLOnly: true}
	rules := newRules(answerOf(t, answer{
		exact: map[string]string{"team/a/x/mash/roles/demo/grant": readOnly, "x/mash/roles/demo/proxy/v3/b": everything},
		glob:  map[string]string{"team/+/x/mash/roles/demo/proxy/v3/a": readOnly},
	}.text()), []Mount{mount}, Enterprise)
	for path, want := range map[string]Verdict{"proxy/v3/a": Allowed, "proxy/v3/b": Denied} {
		req := request("GET " + path)
		req.Mount = mount
		if got := rules.Decide(req); got.Verdict != want {
			t.Errorf("%s: %+v", path, got)
		}
	}
}

func TestEveryCauseHasAHint(t *testing.T) {
	for _, cause := range []Cause{
		PolicyHidden, PolicyUnknown, Chroot, LimitedUses, UsesUnknown, Enterprise,
		EditionUnknown, NoNamespaces, VaultHeader, Snapshot, NoGrant,
	} {
		if cause.Hint() == "" {
			t.Errorf("%s has none", cause)
		}
	}
	if Cause("else").Hint() != "" {
		t.Error("an unknown cause has a hint")
	}
}

func TestOnlyRulesThatCanMatchAreKept(t *testing.T) {
	calls := Mount{Namespace: "ns", Path: "mash-creds"}.scope("proxy")
	tests := map[key]bool{
		{exact, "ns/mash-creds/roles/demo/proxy/v3/services"}: true,
		{exact, "ns/mash-creds/roles/demo/proxy"}:             true,
		{exact, "ns/mash-creds/roles/demo"}:                   false,
		{exact, "ns/mash-creds/roles/+/proxy/v3"}:             true, // "+" is a role's name here
		{exact, "mash-creds/roles/demo/proxy/v3/services"}:    false,
		{exact, ""}:                                           false,
		{prefix, ""}:                                          true,
		{prefix, "n"}:                                         true,
		{prefix, "ns/mash-creds"}:                             true,
		{prefix, "ns/mash-creds/"}:                            true,
		{prefix, "ns/mash-creds2"}:                            false,
		{prefix, "ns/mash-creds/roles"}:                       true,
		{prefix, "ns/mash-creds/roles/demo/pro"}:              true,
		{prefix, "ns/mash-creds/roles/demo/proxy/v3/a"}:       true,
		{prefix, "ns/mash-creds/roles/demo/grant"}:            false,
		{prefix, "secret/"}:                                   false,
		{segments, "+"}:                                       false,
		{segments, "+/*"}:                                     true,
		{segments, "+/+/+/+/+"}:                               true,
		{segments, "+/+/+/+"}:                                 false,
		{segments, "ns/mash-creds/roles/+"}:                   false,
		{segments, "ns/mash-creds/roles/+/pr*"}:               true,
		{segments, "ns/mash-creds/roles/+/gr*"}:               false,
		{segments, "ns/mash-creds/+/demo/proxy/v3/+"}:         true,
		{segments, "ns/other/+/demo/proxy/v3/+"}:              false,
		{segments, "ns/mash-creds/roles/+/proxy/+/services*"}: true,
	}
	for k, want := range tests {
		if got := calls.reached(k); got != want {
			t.Errorf("%d %q: got %t", k.shape, k.text, got)
		}
	}
}

func TestKeysOfGlobPaths(t *testing.T) {
	for text, want := range map[string]shape{
		"+": segments, "+/a": segments, "a/+": segments, "a/+b*": segments, "": prefix, "a": prefix, "a+/b": prefix, "+a": prefix,
	} {
		if got := globKey(text); got.shape != want || got.text != text {
			t.Errorf("%q: got %+v", text, got)
		}
	}
}
