// SPDX-License-Identifier: MPL-2.0

package sandbox

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// call is one request to the proxy that shows what it can do: the banner prints
// it for a person to copy, the smoke test makes it and judges the answer.
type call struct {
	title  string
	method string
	path   string // with its query
	body   string // JSON; "" is none
	check  func(answer) error
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// calls are what a new user tries first, in that order.
func calls(mount string) []call {
	role := "/v1/" + mount + "/roles/" + demoRole
	return []call{
		{
			title:  "A V3 list: five services, and X-Total-Count says how many there are",
			method: http.MethodGet,
			path:   role + "/proxy/v3/services?limit=5",
			check:  checkServices,
		},
		{
			title:  "A V2 query: the first five applications",
			method: http.MethodPost,
			path:   role + "/proxy/v2",
			body:   `{"jsonrpc":"2.0","id":1,"method":"object.query","params":["SELECT id, name, username FROM applications ITEMS 5"]}`,
			check:  checkApplications,
		},
		{
			title:  "A read from Vault: what the role can do",
			method: http.MethodGet,
			path:   role,
			check:  checkRole,
		},
	}
}

func checkServices(a answer) error {
	var services []struct{ ID, Name string }
	if err := a.decode(&services); err != nil {
		return err
	}
	if len(services) != 5 {
		return fmt.Errorf("%d services instead of 5", len(services))
	}
	if total, err := strconv.Atoi(a.header.Get("X-Total-Count")); err != nil || total < 250 {
		return fmt.Errorf("X-Total-Count is %q, not a number from 250 up", a.header.Get("X-Total-Count"))
	}
	return a.fromMashery()
}

func checkApplications(a answer) error {
	var reply struct {
		Result struct{ Items []json.RawMessage }
		Error  json.RawMessage
	}
	if err := a.decode(&reply); err != nil {
		return err
	}
	if len(reply.Error) > 0 && string(reply.Error) != "null" {
		return fmt.Errorf("Mashery's error %s", reply.Error)
	}
	if len(reply.Result.Items) == 0 {
		return fmt.Errorf("no application in the result")
	}
	return a.fromMashery()
}

func checkRole(a answer) error {
	var reply struct {
		Data struct {
			V2Capable bool `json:"v2_capable"`
			V3Capable bool `json:"v3_capable"`
		}
	}
	if err := a.decode(&reply); err != nil {
		return err
	}
	if !reply.Data.V2Capable || !reply.Data.V3Capable {
		return fmt.Errorf("the role is capable of V2: %t, of V3: %t; both were expected", reply.Data.V2Capable, reply.Data.V3Capable)
	}
	return nil
}

// decode reads the body of a 200.
func (a answer) decode(into any) error {
	if a.status != http.StatusOK {
		return fmt.Errorf("status %d instead of 200", a.status)
	}
	if err := json.Unmarshal(a.body, into); err != nil {
		return fmt.Errorf("the body is not what was expected: %w", err)
	}
	return nil
}

// fromMashery is nil when the proxy asked Mashery itself, not by way of Vault.
func (a answer) fromMashery() error {
	if source := a.header.Get("X-Mashproxy-Source"); source != "mashery" {
		return fmt.Errorf("X-Mashproxy-Source is %q, so the proxy did not serve it itself", source)
	}
	return nil
}
