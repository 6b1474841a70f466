// SPDX-License-Identifier: MPL-2.0

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strings"

	"mashproxy/agentext"
	"mashproxy/agentext/config"
)

// askedCall is a call that somebody asks about.
type askedCall struct {
	verb   string
	path   string // as it was given; of the request once it is located
	body   []byte
	header http.Header
}

// readCall reads a call from the command's arguments.
func readCall(f *canFlags, args []string) (*askedCall, error) {
	switch {
	case len(f.paths) == 0:
		return nil, errors.New("-config=FILE is missing; name at least one file or folder")
	case f.format != "text" && f.format != "json":
		return nil, fmt.Errorf("-format is %q; use text or json", f.format)
	case len(args) < 2 || len(args) > 3:
		return nil, errors.New("give a verb, a path and perhaps a body, after the options; see mashproxy can -help")
	case strings.HasPrefix(args[0], "-") || strings.HasPrefix(args[1], "-") || len(args) == 3 && len(args[2]) > 1 && args[2][0] == '-':
		return nil, errors.New("options come before the verb; see mashproxy can -help")
	case args[0] == "" || strings.ContainsFunc(args[0]+args[1], func(c rune) bool { return c <= ' ' || c == 0x7f }):
		return nil, errors.New("verb and path cannot hold spaces or control characters; escape them in the path, a space as %20")
	}
	c := &askedCall{verb: args[0], path: args[1], header: make(http.Header)}
	for _, line := range f.headers {
		name, value, _ := strings.Cut(line, ":")
		if !isHeader.MatchString(line) {
			return nil, fmt.Errorf("-header is %q; write it as Name: value", line)
		}
		c.header.Add(name, strings.TrimSpace(value))
	}
	var err error
	if len(args) == 3 {
		c.body, err = readBody(args[2])
	}
	return c, err
}

// isHeader tells what net/http's server takes for a header [RFC 9110, 5].
var isHeader = regexp.MustCompile("^[\\w!#$%&'*+.^`|~-]+:[^\x00-\x08\x0a-\x1f\x7f]*$")

// readBody gives what a body's argument stands for.
func readBody(arg string) ([]byte, error) {
	if arg == "-" {
		return io.ReadAll(os.Stdin)
	}
	if file, ok := strings.CutPrefix(arg, "@"); ok {
		return os.ReadFile(file)
	}
	return []byte(arg), nil
}

// locate makes the path the request's.
func (c *askedCall) locate(settings *config.Config, f *canFlags) error {
	if f.role == "" {
		return c.locateWithoutRole(settings, f)
	}
	mount, err := mountOf(settings, f.mount)
	if err != nil {
		return err
	}
	below := strings.TrimPrefix(c.path, "/")
	if strings.HasPrefix(below, "v1/") || strings.HasPrefix(below, mount+"/roles/") {
		return errors.New("the path names a role already: leave -role out, or give only what follows the role")
	}
	end := strings.IndexAny(below+"/", "/?")
	switch below[:end] {
	case "proxy", "grant", "token", "export", "pem":
	default:
		below = "proxy/v3/" + below
	}
	c.path = "/v1/" + mount + "/roles/" + f.role + "/" + below
	return nil
}

func (c *askedCall) locateWithoutRole(settings *config.Config, f *canFlags) error {
	below := func(m *config.Mashery) bool { return strings.HasPrefix(c.path, requestMount(settings, m)+"/") }
	switch {
	case f.mount != "":
		return errors.New("-mount is for use with -role")
	case strings.HasPrefix(c.path, "/v1/"):
		return nil
	case slices.ContainsFunc(settings.Mashery, below):
		c.path = "/v1/" + c.path
		return nil
	}
	return fmt.Errorf("%q is not the path of a request, which begins with /v1/; name the role with -role to give a V3 path", c.path)
}

// mountOf is the path of the mount that is meant, as requests have it.
func mountOf(settings *config.Config, name string) (string, error) {
	var paths []string
	for _, block := range settings.Mashery {
		if name == "" && len(settings.Mashery) == 1 || name != "" && strings.Trim(name, "/") == block.Path() {
			return requestMount(settings, block), nil
		}
		paths = append(paths, block.Path())
	}
	switch {
	case len(paths) == 0:
		return "", errors.New("there is no mashery block in the configuration: every request goes on to Vault, which decides")
	case name == "":
		return "", fmt.Errorf("the file has several mashery blocks: say which with -mount, one of %s", strings.Join(paths, ", "))
	}
	return "", fmt.Errorf("-mount is %q, but the mashery blocks of the file are for %s", name, strings.Join(paths, ", "))
}

// requestMount is the path of a mount as a request has it, which is without the
// namespace that the file puts before every request's.
func requestMount(settings *config.Config, m *config.Mashery) string {
	proxy, namespace := settings.Vault.APIProxy, strings.Trim(settings.Namespace(), "/")
	if proxy != nil && proxy.PrependConfiguredNamespace && namespace != "" {
		return strings.TrimPrefix(m.Path(), namespace+"/")
	}
	return m.Path()
}

// request is the call as a listener would read it.
func (c *askedCall) request(ctx context.Context) (*http.Request, error) {
	head := c.verb + " " + c.path + " HTTP/1.1\r\nHost: localhost\r\n\r\n"
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(head)))
	if err != nil {
		return nil, err
	}
	r.Header = c.header.Clone()
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(c.body)), int64(len(c.body))
	return r.WithContext(ctx), nil
}

// ask asks about the call at every listener, or the one that is named.
func (c *askedCall) ask(ctx context.Context, inquiry *agentext.Inquiry, listener string) (*report, error) {
	out := &report{Verb: c.verb, Path: c.path, policies: inquiry.Policies(ctx)}
	var names []string
	for _, door := range inquiry.Listeners() {
		names = append(names, door.Name)
		if listener != "" && listener != door.Name {
			continue
		}
		r, err := c.request(ctx)
		if err != nil {
			return nil, fmt.Errorf("no server would read this request: %w", err)
		}
		j := inquiry.Judge(door, r)
		if j.Unknown != nil {
			return nil, j.Unknown
		}
		out.add(door.Name, j)
	}
	switch {
	case len(names) == 0:
		return nil, errors.New("no listener of the file serves calls")
	case len(out.Answers) == 0:
		return nil, fmt.Errorf("no call can come in by the listener %q; those that serve calls are %q", listener, names)
	}
	return out, nil
}
