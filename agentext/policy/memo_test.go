// SPDX-License-Identifier: MPL-2.0

package policy

import (
	"fmt"
	"strings"
	"testing"

	"github.com/hashicorp/vault/sdk/logical"
)

func TestAnAnswerIsAskedForOnce(t *testing.T) {
	asked := 0
	ask := func(logical.Operation, string) (bool, *rule) { asked++; return asked%2 == 0, &rule{} }
	long := strings.Repeat("x", longestKept+1)
	tests := []struct {
		what string
		path string
		want int // questions so far
	}{
		{"a new path", "a", 1},
		{"the same path", "a", 1},
		{"a long path is not kept", long, 2},
		{"but asked for every time", long, 3},
	}
	kept := newMemo()
	for _, test := range tests {
		allowed, rule := kept.match(logical.ReadOperation, test.path, ask)
		if asked != test.want || allowed != (test.want%2 == 0) || rule == nil {
			t.Errorf("%s: %t after %d questions", test.what, allowed, asked)
		}
	}
}

// TestAMemoNeverAnswersForAnotherPath fills every slot many times.
func TestAMemoNeverAnswersForAnotherPath(t *testing.T) {
	kept := newMemo()
	ask := func(op logical.Operation, path string) (bool, *rule) { return false, &rule{path: string(op) + path} }
	for round := range 2 {
		for i := range 10 * memoSlots {
			for _, op := range []logical.Operation{logical.ReadOperation, logical.DeleteOperation} {
				path := fmt.Sprint(i)
				if _, rule := kept.match(op, path, ask); rule.path != string(op)+path {
					t.Fatalf("round %d: %s %s is answered with %s", round, op, path, rule.path)
				}
			}
		}
	}
}
