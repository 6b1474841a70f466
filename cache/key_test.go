// SPDX-License-Identifier: MPL-2.0

package cache

import (
	"testing"
	"time"
)

func TestAKeyIsReadAsALeasedGrant(t *testing.T) {
	for _, test := range []struct {
		key  Key
		want request
	}{
		{Key{Mount: "mash-creds", Role: "demo", API: 3}, request{namespace: "", path: "mash-creds/roles/demo/grant?api=3&lease=true"}},
		{Key{Namespace: "eng/", Mount: "team/a/mash", Role: "b.c-d", API: 2}, request{namespace: "eng/", path: "team/a/mash/roles/b.c-d/grant?api=2&lease=true"}},
		{Key{Mount: "mash-creds", Role: "demo", API: 3, Shared: true}, request{namespace: "", path: "mash-creds/roles/demo/token"}},
	} {
		bubble(t, func(t *testing.T, v *vault, g *Grants[string]) {
			v.shared = &sharedToken{life: time.Hour}
			get(t, g, test.key)
			if got := v.asked()[0]; got.namespace != test.want.namespace || got.path != test.want.path {
				t.Errorf("read %q %q, want %q %q", got.namespace, got.path, test.want.namespace, test.want.path)
			}
		})
	}
}
