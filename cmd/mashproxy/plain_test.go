// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"mashproxy/sandbox"
)

// plain opens a world whose configuration is one of vault proxy's, without a
// mashery block.
func plain(t *testing.T, edits ...edit) *world {
	t.Helper()
	box := startSandbox(t, sandbox.Options{})
	text := read(t, box.ConfigFile())
	w := &world{Sandbox: box, root: rootOf(t, box)}
	w.config = configured(t, box, append([]edit{without(text[strings.Index(text, "\nmashery "):])}, edits...)...)
	w.start(t, setup{})
	eventually(t, "the proxy is logged in", func() bool { return w.unix.get(t, lookup).status == http.StatusOK })
	return w
}

func TestAFileOfVaultProxyWorksAsThere(t *testing.T) {
	t.Parallel()
	w := plain(t)
	contains(t, "the grant", w.tcp.get(t, rolePath+"/grant?api=2").expect(t, http.StatusOK, "").body, `"sig"`)
	contains(t, "a call", w.tcp.get(t, v3+"services?limit=1", "Host", "evil.example", "Origin", "null").expect(t, http.StatusOK, "").body, `"id"`)
	if n := w.Mashery().Counts().Calls["GET services"]; n != 1 {
		t.Errorf("the engine made %d calls", n)
	}
	w.tcp.get(t, rolePath, "Sec-Fetch-Site", "cross-site").expect(t, http.StatusOK, "")
	for _, target := range []string{rolePath, v3 + "services?limit=1", "/v1/nosuch", "/proxy/v1/metrics", rolePath + "/token"} {
		for name := range w.unix.get(t, target).header {
			if strings.HasPrefix(name, "X-Mashproxy-") {
				t.Errorf("%s has the header %s", target, name)
			}
		}
	}
	if mode := w.unix.get(t, rolePath).header.Get("X-Proxy-Mode"); mode != "" {
		t.Errorf("X-Proxy-Mode is %q", mode)
	}
}

func TestAFileOfVaultProxyMayListenToAll(t *testing.T) {
	t.Parallel()
	box := startSandbox(t, sandbox.Options{})
	socket := filepath.Join(shortDir(t), "x.sock")
	file := write(t, shortDir(t), "plain.hcl", fmt.Sprintf(`
vault     { address = %q }
api_proxy { }
listener "tcp" { address = "0.0.0.0:0" tls_disable = true }
listener "unix" { address = %q }
cache { }
nonsense = true
`, box.Vault().Address(), socket))
	w := &world{Sandbox: box, process: run(t, nil, "proxy", "-config="+file)}
	eventually(t, "the socket is there", func() bool { return exists(socket) })
	door := openDoor(t, "unix", socket)
	door.get(t, "/v1/sys/mounts").expect(t, http.StatusForbidden, "")
	door.get(t, "/v1/sys/mounts", "X-Vault-Token", box.Vault().RootToken().Reveal()).expect(t, http.StatusOK, "")
	if n := strings.Count(w.stderr.String(), "nonsense"); n != 1 {
		t.Errorf("%d warnings of an unknown key, want one:\n%s", n, &w.stderr)
	}
}

func TestAFileOfVaultProxyIsServedItsMetricsWithoutTheRequestHeader(t *testing.T) {
	t.Parallel()
	w := plain(t, edit{`listener "tcp" {`, "listener \"tcp\" {\n  require_request_header = true"})
	w.tcp.get(t, "/proxy/v1/metrics").expect(t, http.StatusOK, "")
	w.tcp.get(t, rolePath).expect(t, http.StatusPreconditionFailed, "")
	w.tcp.get(t, rolePath, "X-Vault-Request", "true").expect(t, http.StatusOK, "")
}

func TestAFileOfVaultProxyMayLetTheCallersTokenWin(t *testing.T) {
	t.Parallel()
	w := plain(t, edit{`"force"`, "true"})
	w.tcp.get(t, "/v1/sys/auth").expect(t, http.StatusForbidden, "")
	w.tcp.get(t, "/v1/sys/auth", "X-Vault-Token", w.Vault().RootToken().Reveal()).expect(t, http.StatusOK, "")
	w.tcp.send(t, "POST", "/v1/auth/token/create", "{}", "X-Vault-Token", w.Vault().RootToken().Reveal()).expect(t, http.StatusOK, "")
}
