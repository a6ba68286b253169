package asyncapi

import "go.yaml.in/yaml/v4"

// The objects of AsyncAPI 3.1 that are used here, by the names of its
// specification. The order of fields is the order in the file.

type document struct {
	AsyncAPI           string               `yaml:"asyncapi"`
	Info               info                 `yaml:"info"`
	DefaultContentType string               `yaml:"defaultContentType"`
	Servers            map[string]server    `yaml:"servers"`
	Channels           map[string]channel   `yaml:"channels"`
	Operations         map[string]operation `yaml:"operations"`
	Components         components           `yaml:"components"`
}

type info struct {
	Title       string  `yaml:"title"`
	Version     string  `yaml:"version"`
	Description string  `yaml:"description"`
	License     license `yaml:"license"`
}

type license struct {
	Name string `yaml:"name"`
}

type server struct {
	Host        string              `yaml:"host"`
	Protocol    string              `yaml:"protocol"`
	Description string              `yaml:"description"`
	Variables   map[string]variable `yaml:"variables"`
}

type variable struct {
	Description string   `yaml:"description"`
	Examples    []string `yaml:"examples"`
}

type channel struct {
	Address     string               `yaml:"address"`
	Title       string               `yaml:"title"`
	Description string               `yaml:"description"`
	Servers     []reference          `yaml:"servers"`
	Parameters  map[string]variable  `yaml:"parameters"`
	Messages    map[string]reference `yaml:"messages"`
	Bindings    *bindings            `yaml:"bindings,omitempty"`
}

type bindings struct {
	SQS sqs `yaml:"sqs"`
}

type sqs struct {
	Queue           queue  `yaml:"queue"`
	DeadLetterQueue *queue `yaml:"deadLetterQueue,omitempty"`
	BindingVersion  string `yaml:"bindingVersion"`
}

type queue struct {
	Name string `yaml:"name"`
	FIFO bool   `yaml:"fifoQueue"`
}

type operation struct {
	Action      string      `yaml:"action"`
	Channel     reference   `yaml:"channel"`
	Title       string      `yaml:"title"`
	Description string      `yaml:"description,omitempty"`
	Messages    []reference `yaml:"messages"`
	Reply       *reply      `yaml:"reply,omitempty"`
}

type reply struct {
	Channel  reference   `yaml:"channel"`
	Messages []reference `yaml:"messages"`
}

type components struct {
	Messages map[string]message `yaml:"messages"`
}

type message struct {
	Name          string       `yaml:"name"`
	Title         string       `yaml:"title"`
	Description   string       `yaml:"description"`
	ContentType   string       `yaml:"contentType,omitempty"`
	CorrelationID *correlation `yaml:"correlationId,omitempty"`
	Headers       *formatted   `yaml:"headers,omitempty"`
	Payload       any          `yaml:"payload"` // formatted or text
	Examples      []example    `yaml:"examples"`
}

type correlation struct {
	Description string `yaml:"description"`
	Location    string `yaml:"location"`
}

// formatted is a Multi Format Schema Object: the default format of AsyncAPI is
// an older JSON Schema than ours.
type formatted struct {
	Format string    `yaml:"schemaFormat"`
	Schema reference `yaml:"schema"`
}

// text is the Schema Object of a text without a form.
type text struct {
	Type        string `yaml:"type"`
	Description string `yaml:"description"`
}

type example struct {
	Name    string     `yaml:"name"`
	Headers *yaml.Node `yaml:"headers,omitempty"`
	Payload *yaml.Node `yaml:"payload"`
}

type reference struct {
	To string `yaml:"$ref"`
}
