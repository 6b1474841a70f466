// SPDX-License-Identifier: MPL-2.0

package docs_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
)

// curl makes the request a curl line makes.
func (s *shell) curl(args []string) (*outcome, error) {
	transport := &http.Transport{DisableKeepAlives: true}
	request, err := http.NewRequestWithContext(s.Context(), http.MethodGet, "http://127.0.0.1", nil)
	if err != nil {
		return nil, err
	}
	var method, body string
	showHeader := false
	for len(args) > 0 {
		option := args[0]
		args = args[1:]
		switch option {
		case "-s":
			continue
		case "-i":
			showHeader = true
			continue
		case "-X", "-H", "-d", "--unix-socket":
			if len(args) == 0 {
				return nil, fmt.Errorf("curl's %s needs a value", option)
			}
		}
		switch {
		case option == "-X":
			method, args = args[0], args[1:]
		case option == "-H":
			name, value, _ := strings.Cut(args[0], ":")
			request.Header.Set(name, strings.TrimSpace(value))
			args = args[1:]
		case option == "-d":
			if body, err = s.fromFile(args[0]); err != nil {
				return nil, err
			}
			args = args[1:]
		case option == "--unix-socket":
			transport.DialContext = dialUnix(args[0])
			args = args[1:]
		case strings.HasPrefix(option, "-"):
			return nil, fmt.Errorf("curl's %s is not known here", option)
		default:
			if request.URL, err = request.URL.Parse(option); err != nil {
				return nil, err
			}
			request.Host = request.URL.Host
		}
	}
	if body != "" {
		request.Method = http.MethodPost
		request.Body, request.ContentLength = io.NopCloser(strings.NewReader(body)), int64(len(body))
		if request.Header.Get("Content-Type") == "" {
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded") // as curl does
		}
	}
	if method != "" {
		request.Method = method
	}
	return answered(transport, request, showHeader)
}

func dialUnix(path string) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", path)
	}
}

// fromFile is the text, or that of the file which it names by an @.
func (s *shell) fromFile(text string) (string, error) {
	name, isFile := strings.CutPrefix(text, "@")
	if !isFile {
		return text, nil
	}
	content, err := os.ReadFile(s.path(name))
	return string(content), err
}

// answered sends a request and tells what came back.
func answered(transport http.RoundTripper, request *http.Request, showHeader bool) (*outcome, error) {
	response, err := transport.RoundTrip(request)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, err
	}
	done := &outcome{status: response.StatusCode, header: response.Header, text: string(body)}
	_ = json.Unmarshal(body, &done.value) // of what is no JSON there is no value
	if showHeader {
		var header strings.Builder
		if err := response.Header.Write(&header); err != nil {
			return nil, err
		}
		done.text = fmt.Sprintf("HTTP/1.1 %s\n%s\n%s", response.Status, strings.ReplaceAll(header.String(), "\r", ""), body)
	}
	return done, nil
}
