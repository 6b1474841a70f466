// SPDX-License-Identifier: MPL-2.0

package emulator

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// faultField is a parameter of a fault, by its name in text.
type faultField struct {
	name  string
	value any // *int, *place, *time.Duration, *string or *bool
}

// place is where in a body: a number of bytes, [FaultAtStart], or 0 for none.
type place int

// limits are the names of what every fault takes.
func limits() []string { return []string{"count", "for", "api", "path"} }

func (f *Fault) fields() []faultField {
	return []faultField{
		{"count", &f.Count}, {"for", &f.For}, {"api", &f.API}, {"path", &f.Path},
		{"status", &f.Status}, {"code", &f.Code}, {"by", &f.By}, {"jitter", &f.Jitter}, {"calls", &f.Calls}, {"at", (*place)(&f.At)},
		{"name", &f.Name}, {"type", &f.Type}, {"retry_after", &f.RetryAfter},
		{"json", &f.JSON}, {"reset", &f.Reset},
	}
}

// given are the names of the parameters that are not zero.
func (f Fault) given() (names []string) {
	for _, field := range f.fields() {
		if field.String() != "" {
			names = append(names, field.name)
		}
	}
	return names
}

// String is the fault as [ParseFault] reads it.
func (f Fault) String() string {
	text := string(f.Kind)
	for _, field := range f.fields() {
		if value := field.String(); value != "" {
			text += "," + field.name + "=" + value
		}
	}
	return text
}

// ParseFault reads a fault: its kind and its parameters, divided by commas, such as
//
//	over_qps,for=10s,retry_after=none
//	error,status=504,count=3,api=v3,path=/v3/rest/services
//
// Durations are Go's. The fault is valid.
func ParseFault(text string) (Fault, error) {
	kind, rest, more := strings.Cut(strings.TrimSpace(text), ",")
	f := Fault{Kind: FaultKind(kind)}
	for more {
		var parameter string
		parameter, rest, more = strings.Cut(rest, ",")
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if err := f.set(name, value); err != nil {
			return Fault{}, fmt.Errorf("the fault %s: %w", kind, err)
		}
	}
	if err := f.Validate(); err != nil {
		return Fault{}, err
	}
	return f, nil
}

func (f *Fault) set(name, value string) error {
	for _, field := range f.fields() {
		if field.name != name {
			continue
		}
		if err := field.set(value); err != nil {
			return fmt.Errorf("%s=%s: %w", name, value, err)
		}
		return nil
	}
	return fmt.Errorf("there is no parameter %q", name)
}

func (f faultField) set(value string) (err error) {
	switch into := f.value.(type) {
	case *string:
		*into = value
	case *int:
		if *into, err = strconv.Atoi(value); err != nil {
			return fmt.Errorf("not a whole number")
		}
		if *into == 0 {
			return fmt.Errorf("a number above zero, or nothing at all")
		}
	case *place:
		n, err := strconv.Atoi(value)
		if err != nil {
			return fmt.Errorf("not a whole number")
		}
		if *into = place(n); n == 0 {
			*into = FaultAtStart
		}
	case *bool:
		if *into, err = strconv.ParseBool(value); err != nil {
			return fmt.Errorf("neither true nor false")
		}
	case *time.Duration:
		if *into, err = time.ParseDuration(value); err != nil {
			return fmt.Errorf("not a duration such as 500ms, 10s or 5m")
		}
	}
	return nil
}

// String is the parameter's value, "" when it is zero.
func (f faultField) String() string {
	switch value := f.value.(type) {
	case *string:
		return *value
	case *int:
		if *value != 0 {
			return strconv.Itoa(*value)
		}
	case *place:
		switch *value {
		case 0:
		case FaultAtStart:
			return "0"
		default:
			return strconv.Itoa(int(*value))
		}
	case *bool:
		if *value {
			return "true"
		}
	case *time.Duration:
		if *value != 0 {
			return value.String()
		}
	}
	return ""
}
