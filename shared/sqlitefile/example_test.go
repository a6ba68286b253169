package sqlitefile_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"dialtone/shared/sqlitefile"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	file, err := sqlitefile.Open(ctx, filepath.Join(dir, "data.db"), sqlitefile.Options{Exclusive: true})
	if err != nil {
		log.Fatal(err)
	}
	defer file.Close()
	err = file.Migrate(ctx, "greetings", []string{`CREATE TABLE greetings (name TEXT PRIMARY KEY) STRICT`})
	if err != nil {
		log.Fatal(err)
	}
	greeted, stop := file.Watch("greetings")
	defer stop()
	err = file.Write(ctx, func(tx *sqlitefile.Tx) error {
		tx.Notify("greetings")
		_, err := tx.Exec(`INSERT INTO greetings VALUES (?)`, "Ada")
		return err
	})
	if err != nil {
		log.Fatal(err)
	}
	<-greeted
	var name string
	if err := file.Read().QueryRowContext(ctx, `SELECT name FROM greetings`).Scan(&name); err != nil {
		log.Fatal(err)
	}
	fmt.Println(name)
	// Output: Ada
}
