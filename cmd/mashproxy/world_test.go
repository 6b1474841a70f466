// SPDX-License-Identifier: MPL-2.0

package main_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/hashicorp/vault/api"

	"mashproxy/sandbox"
)

// The paths of the sandbox's one role.
const (
	rolePath = "/v1/mash-creds/roles/demo"
	v3       = rolePath + "/proxy/v3/"
	v2       = rolePath + "/proxy/v2"
)

// lookup shows whether the proxy is logged in.
const lookup = "/v1/auth/token/lookup-self"

// world is a sandbox in this process, and the program running against it.
type world struct {
	*sandbox.Sandbox
	*process
	tcp, unix *door
	root      *api.Client
	config    string // the file the program runs with
}

// setup is what a world is made of.
type setup struct {
	sandbox sandbox.Options
	edits   []edit
	env     []string
	args    []string
}

// edit changes the configuration that the sandbox wrote.
type edit struct{ old, new string }

func inMashery(text string) edit {
	return edit{"mashery \"mash-creds\" {\n", "mashery \"mash-creds\" {\n  " + text + "\n"}
}

func atTop(text string) edit { return edit{"\nvault {", "\n" + text + "\n\nvault {"} }

func without(block string) edit { return edit{block, ""} }

// open starts a sandbox and the program on its files, and waits until it is
// logged in. The proxy's tcp listener is at a free port.
func open(t *testing.T, s setup) *world {
	t.Helper()
	w := &world{Sandbox: startSandbox(t, s.sandbox)}
	w.root = rootOf(t, w.Sandbox)
	w.config = configured(t, w.Sandbox, s.edits...)
	w.start(t, s)
	eventually(t, "the proxy is logged in", func() bool {
		answer, err := w.unix.try(http.MethodGet, lookup, nil)
		return err == nil && answer.status == http.StatusOK
	})
	return w
}

func startSandbox(t *testing.T, o sandbox.Options) *sandbox.Sandbox {
	t.Helper()
	if o.QPS == 0 {
		o.QPS = 1000 // what is not about pacing does not wait
	}
	box, err := sandbox.Start(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := box.Close(); err != nil {
			t.Error(err)
		}
	})
	return box
}

func rootOf(t *testing.T, box *sandbox.Sandbox) *api.Client {
	t.Helper()
	client, err := box.Vault().Client()
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// configured writes the sandbox's configuration with the edits, and the tcp
// listener at any free port.
func configured(t *testing.T, box *sandbox.Sandbox, edits ...edit) string {
	t.Helper()
	text := read(t, box.ConfigFile()) + "\n"
	for _, e := range edits {
		if !strings.Contains(text, e.old) {
			t.Fatalf("the configuration has no %q:\n%s", e.old, text)
		}
		text = strings.Replace(text, e.old, e.new, 1)
	}
	text = strings.Replace(text, `"`+box.ProxyAddress()+`"`, `"127.0.0.1:0"`, 1)
	return write(t, box.Dir(), "test.hcl", text)
}

// start runs the program on the world's configuration and finds its doors.
func (w *world) start(t *testing.T, s setup) {
	t.Helper()
	w.process = run(t, s.env, append([]string{"proxy", "-config=" + w.config}, s.args...)...)
	w.unix = openDoor(t, "unix", w.Socket())
	w.tcp = w.doorAt(t, `http://(127\.0\.0\.1:\d+)`)
}

// doorAt waits until the program says that it listens at an address.
func (w *world) doorAt(t *testing.T, pattern string) *door {
	t.Helper()
	address := regexp.MustCompile(pattern)
	var found []string
	eventually(t, "it says that it listens at "+pattern, func() bool {
		if !w.isRunning() {
			t.Fatalf("it ended:\n%s", &w.stderr)
		}
		found = address.FindStringSubmatch(w.stdout.String())
		return found != nil
	})
	return openDoor(t, "tcp", found[1])
}

// door is a way to a server.
type door struct {
	network, address string
	scheme, host     string // host: of the Host header
	client           http.Client
}

func openDoor(t *testing.T, network, address string) *door {
	d := &door{network: network, address: address, scheme: "http", host: address}
	if network == "unix" {
		d.host = "localhost"
	}
	transport := &http.Transport{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		DisableCompression:  true,
		MaxIdleConnsPerHost: 100,
	}
	d.client = http.Client{
		Transport:     transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	t.Cleanup(transport.CloseIdleConnections)
	return d
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

// code is the code of an error made by the program.
func (a answer) code() string { return a.header.Get("X-Mashproxy-Error") }

// request makes a request whose target is sent as it is, byte for byte.
// Headers are pairs of names and values; the name Host sets the host.
func (d *door) request(method, target string, body io.Reader, header ...string) (*http.Request, error) {
	r, err := http.NewRequest(method, "http://"+d.host, body)
	if err != nil {
		return nil, err
	}
	r.URL = &url.URL{Scheme: d.scheme, Host: d.host, Opaque: target}
	for i := 0; i < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header[header[i]] = append(r.Header[header[i]], header[i+1])
	}
	return r, nil
}

func (d *door) try(method, target string, body io.Reader, header ...string) (answer, error) {
	r, err := d.request(method, target, body, header...)
	if err != nil {
		return answer{}, err
	}
	resp, err := d.client.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header, string(text)}, err
}

// send sends a request with a body, "" for none.
func (d *door) send(t *testing.T, method, target, body string, header ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	a, err := d.try(method, target, reader, header...)
	if err != nil {
		t.Fatalf("%s %s: %v", method, target, err)
	}
	return a
}

func (d *door) get(t *testing.T, target string, header ...string) answer {
	t.Helper()
	return d.send(t, http.MethodGet, target, "", header...)
}

// raw sends bytes on a connection of their own and reads one answer.
func (d *door) raw(t *testing.T, request string) answer {
	t.Helper()
	conn, err := net.Dial(d.network, d.address)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(text)}
}

// expect fails the test unless the answer has this status and, where the
// program makes it, this code.
func (a answer) expect(t *testing.T, status int, code string) answer {
	t.Helper()
	if a.status != status || a.code() != code {
		t.Fatalf("the answer is %d %q, want %d %q: %s", a.status, a.code(), status, code, shortened(a.body))
	}
	return a
}

// errors are the texts of an error in Vault's form.
func (a answer) errors(t *testing.T) string {
	t.Helper()
	var said struct{ Errors []string }
	if err := json.Unmarshal([]byte(a.body), &said); err != nil || len(said.Errors) != 1 {
		t.Fatalf("the body is no error in Vault's form: %s (%v)", a.body, err)
	}
	return said.Errors[0]
}

// audit makes Vault write down every request, and counts those to a path.
type audit string

func (w *world) audited(t *testing.T) audit {
	t.Helper()
	log := filepath.Join(w.Dir(), "audit.log")
	w.write(t, "sys/audit/test", map[string]any{"type": "file", "options": map[string]string{"file_path": log}})
	return audit(log)
}

func (a audit) count(t *testing.T, path string) (n int) {
	t.Helper()
	file, err := os.Open(string(a))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for entries := json.NewDecoder(file); ; {
		var entry struct {
			Type    string
			Request struct{ Path string }
		}
		if err := entries.Decode(&entry); err != nil {
			return n // the end, or one that is being written
		}
		if entry.Type == "request" && entry.Request.Path == path {
			n++
		}
	}
}

// write writes to Vault as an operator.
func (w *world) write(t *testing.T, path string, data map[string]any) *api.Secret {
	t.Helper()
	secret, err := w.root.Logical().WriteWithContext(t.Context(), path, data)
	if err != nil {
		t.Fatal(err)
	}
	return secret
}

// grants is the policy without which no call can be served here.
const grants = `
path "mash-creds/roles/+/grant" { capabilities = ["read"] }
`

// allow replaces the policy of the proxy's token.
func (w *world) allow(t *testing.T, policy string) {
	t.Helper()
	w.write(t, "sys/policies/acl/demo", map[string]any{"policy": policy})
}
