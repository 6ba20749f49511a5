# shellcheck shell=bash
# Sourced by demo: mysql2pg brings the planned orders of an ERP, repairs their texts, and follows what changes.
orders=300

need_for_mysql2pg() { need_mariadb; }

# Statements in the ERP, shown as one would type them.
erp() {
  show "mariadb erp -e \"$1\""
  my "$1" erp --table --column-names
}

demo_mysql2pg() {
  heading "mysql2pg: an ERP of $orders orders in a MariaDB of its own"
  start_mariadb
  make_erp erp "$orders"
  export MYSQL_DB=erp
  my "UPDATE a_kopf SET aunummer = NULL WHERE aunummer = 7" erp
  erp "SELECT k.id, aunummer, kommission, datum, notiz FROM a_kopf k JOIN a_logbuch l ON id_a_kopf = k.id
  WHERE aunummer IN (49, 50) OR aunummer IS NULL"
  echo "one order has no number, and some texts were encoded twice on their way into the ERP"

  heading "A PostgreSQL of our own"
  use_postgres mysql2pg
  show "export MYSQL_HOST=$MYSQL_HOST MYSQL_PORT=$MYSQL_PORT MYSQL_USER=$MYSQL_USER MYSQL_PASSWORD=$MYSQL_PASSWORD MYSQL_DB=$MYSQL_DB"
  show "export DATABASE_URL=$DATABASE_URL"
  run mysql2pg check

  heading "What is in the ERP, and which orders are wanted"
  run mysql2pg inspect

  heading "A first run; the order without number is set aside"
  run_to 3 mysql2pg
  run_to 3 mysql2pg rejected

  heading "What PostgreSQL has now"
  run psql -c "SELECT numero_commande, extension, statut, affaire, date_modification, code_accessoire
  FROM commandes_volets WHERE numero_commande BETWEEN 47 AND 52 ORDER BY 1" \
    -c "SELECT numero_commande, position, code_accessoire, description_accessoire, numero_operation, description_operation
  FROM commandes_volets_details WHERE numero_commande IN (164, 200) ORDER BY 1, 2, 5"

  heading "In the ERP an order is changed, another deleted, and the third gets its number"
  erp "UPDATE a_kopf SET aufstatus = 'expédié' WHERE aunummer = 50;
  DELETE FROM a_kopf WHERE aunummer = 51;
  UPDATE a_kopf SET aunummer = 7 WHERE aunummer IS NULL"

  heading "The next run brings the changes; an order that is missing twice is marked"
  run mysql2pg --touch changed --missing mark
  run mysql2pg --touch changed --missing mark
  run psql -c "SELECT numero_commande, statut, affaire, absent_depuis IS NOT NULL AS absent
  FROM commandes_volets WHERE numero_commande IN (7, 50, 51) ORDER BY 1"
  run mysql2pg rejected

  heading "Whole tables as they are"
  run mysql2pg copy p_zubeh
  run psql -c '\d p_zubeh' -c 'SELECT * FROM p_zubeh ORDER BY 1, 2 LIMIT 5'

  heading "The same for a machine to read"
  run mysql2pg --quiet --report json
}
