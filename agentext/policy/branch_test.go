// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"reflect"
	"strings"
	"testing"

	"github.com/hashicorp/vault/helper/namespace"
	"github.com/hashicorp/vault/sdk/logical"
	"github.com/hashicorp/vault/vault"
	"pgregory.net/rapid"
)

// TestBranchesDecideAsAllRulesTogether asks the branches of generated rules and
// one ACL of all of them.
func TestBranchesDecideAsAllRulesTogether(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "b", "ab", "+", ""})
	path := rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(segment, 1, 6).Draw(t, "segments"), "/")
	})
	oneEntry := rapid.Custom(func(t *rapid.T) entry {
		text := strings.TrimPrefix(path.Draw(t, "path"), "/")
		k := key{exact, text}
		if rapid.Bool().Draw(t, "glob") {
			if k = globKey(text); k.shape == segments && rapid.Bool().Draw(t, "asterisk") && !strings.HasSuffix(text, "+") {
				k.text += "*"
			}
		}
		rule := &vault.ACLPermissions{CapabilitiesBitmap: vault.ReadCapabilityInt, MFAMethods: []string{k.path()}}
		return entry{k, nil, &vault.PathRules{Path: k.text, Permissions: rule, IsPrefix: k.shape == prefix, HasSegmentWildcards: k.shape == segments}}
	})
	rapid.Check(t, func(t *rapid.T) {
		entries := rapid.SliceOfNDistinct(oneEntry, 1, 24, func(e entry) key { return e.key }).Draw(t, "entries")
		together, err := newACL(entries, "")
		if err != nil {
			t.Fatal(err)
		}
		room := rapid.SampledFrom([]int{mostBranched, 40, 0}).Draw(t, "room")
		branches, err := newBranch(entries, 0, &room)
		if err != nil {
			t.Fatal(err)
		}
		for _, path := range rapid.SliceOfN(path, 20, 60).Draw(t, "paths") {
			for _, op := range []logical.Operation{logical.ReadOperation, logical.ListOperation} {
				if path = strings.TrimLeft(path, "/"); op == logical.ListOperation {
					path = strings.TrimSuffix(path, "/") + "/"
				}
				req := &logical.Request{Operation: op, Path: path}
				want := together.AllowOperation(namespace.RootContext(t.Context()), req, false)
				got := branches.of(path).AllowOperation(namespace.RootContext(t.Context()), req, false)
				if !reflect.DeepEqual(got, want) {
					t.Fatalf("%s %q: %v decides, together %v", op, path, got.MFAMethods, want.MFAMethods)
				}
			}
		}
	})
}

func TestManyRulesMakeNoMoreBranchesThanThereIsRoomFor(t *testing.T) {
	exactPaths, globPaths := map[string]string{}, map[string]string{}
	for _, name := range strings.Split(strings.Repeat("x", 400), "") {
		path := "mash-creds/roles/+/proxy/v3/" + name + strings.Repeat(name, len(globPaths))
		globPaths[path], globPaths[path+"/+/"+name] = readOnly, everything
		exactPaths["mash-creds/roles/demo/proxy/v3/"+strings.Repeat("y", len(exactPaths)+1)] = readOnly
	}
	globPaths["mash-creds/roles/demo/grant"] = readOnly
	rules := newRules(answerOf(t, answer{exact: exactPaths, glob: globPaths}.text()), []Mount{{Path: demoMount}}, "")
	copies := 0
	var count func(*branch)
	count = func(b *branch) {
		copies++
		for _, below := range b.named {
			count(below)
		}
		if b.others != nil {
			count(b.others)
		}
	}
	if count(rules.calls.whole); copies < 100 || copies > mostBranched {
		t.Errorf("%d branches", copies)
	}
	for path, want := range map[string]Verdict{"proxy/v3/yyyy": Allowed, "proxy/v3/x": Allowed, "proxy/v3/z": Denied} {
		if got := rules.Decide(request("GET " + path)); got.Verdict != want {
			t.Errorf("%s: %+v", path, got)
		}
	}
}
